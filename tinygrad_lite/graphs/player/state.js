/* What is shown: the data, the step in focus, the box that was clicked, which modules are closed.
   Everything else listens here: Player.state.on("step" | "select" | "closed" | "theme", …); "drawn"
   is said when there is a new picture, "near" when other parts of it came into the page. */

const Player = {};

(() => {
  "use strict";

  const data = JSON.parse(document.getElementById("data").textContent);
  const listeners = { step: [], select: [], closed: [], theme: [], drawn: [], near: [] };
  const boxes = new Map(data.diagram.boxes.map((box) => [box.id, box]));
  const groups = new Map(data.diagram.groups.map((group) => [group.id, group]));
  const FEW = 90; // boxes that are readable at once; with more, modules begin closed

  const state = {
    data,
    boxes,
    groups,
    steps: data.steps,
    values: data.values,
    at: 0, // position in steps
    before: 0, // where it was before
    selected: null, // id of the box that was clicked
    closed: new Set(), // ids of closed groups
    hasBackward: data.steps.some((step) => step.phase === "backward"),
    contributions: new Map(), // by value: positions of the steps that contribute to its gradient
    sums: new Map(), // by the first of the steps whose contributions are added up: all of them
    ofLine: new Map(), // "file:line" -> positions of steps
    boxesOfLine: new Map(), // "file:line" -> ids of boxes
    on: (name, listener) => listeners[name].push(listener),
    emit,
    go,
    select,
    setClosed,
    isComputed,
    gradient,
    sumOf,
    isFitted,
    shownAs,
    ancestors,
    restart,
  };
  Player.state = state;

  // ---- what is known of steps and values --------------------------------------------------------

  data.steps.forEach((step, i) => {
    if (step.kind === "contribution" || step.kind === "seed") {
      const value = boxes.get(step.box)?.value;
      if (value != null) listed(state.contributions, value).push(i);
    }
    if (step.sum) listed(state.sums, step.sum.first).push(i);
    if (!step.place) return;
    const line = step.place.join(":");
    listed(state.ofLine, line).push(i);
    if (!state.boxesOfLine.has(line)) state.boxesOfLine.set(line, new Set());
    if (step.box) state.boxesOfLine.get(line).add(step.box);
  });

  function listed(map, key) {
    if (!map.has(key)) map.set(key, []);
    return map.get(key);
  }

  function isComputed(value, at = state.at) {
    return data.values[value].made <= at;
  }

  /* What there is of a value's gradient at a step: {state, value, done, of, why};
     state is "complete", "partial", "pending", "none" or "not run". */
  function gradient(value, at = state.at) {
    const of = data.values[value];
    if (of.gradient == null) {
      return { state: state.hasBackward ? "none" : "not run", why: of.why_none };
    }
    if (of.gradient_by == null || of.gradient_by <= at) {
      return { state: "complete", value: of.gradient };
    }
    const last = (state.contributions.get(value) ?? []).findLast((i) => i <= at);
    if (last === undefined) return { state: "pending" };
    const { sum, makes } = data.steps[last];
    if (!sum) return { state: "complete", value: makes }; // in an earlier backward pass
    const done = sum.earlier + 1;
    return done === sum.of
      ? { state: "complete", value: sum.total }
      : { state: "partial", value: sum.total, done, of: sum.of };
  }

  /* The steps whose contributions are added up with that of a step, in order. */
  function sumOf(i) {
    return state.sums.get(data.steps[i].sum.first);
  }

  /* Whether a step makes what a rule gave fit what it is the gradient of. */
  function isFitted(step) {
    return step.part === "summed" || step.part === "spread";
  }

  // ---- groups -----------------------------------------------------------------------------------

  function ancestors(group) {
    const found = [];
    for (let id = group; id != null && groups.has(id); id = groups.get(id).parent) found.push(id);
    return found; // the innermost first
  }

  /* What stands for a box: itself, or the outermost closed group around it. */
  function shownAs(box) {
    const closed = ancestors(boxes.get(box)?.group).filter((id) => state.closed.has(id));
    return closed.length ? closed.at(-1) : box;
  }

  /* With many boxes, begin with whole modules, closing the innermost level first. */
  function closedAtFirst() {
    const depth = new Map([...groups.keys()].map((id) => [id, ancestors(id).length]));
    const deepest = Math.max(0, ...depth.values());
    for (let level = deepest; level > 0 && shownCount() > FEW; level -= 1) {
      for (const [id, d] of depth) if (d === level) state.closed.add(id);
    }
  }

  function shownCount() {
    return new Set([...boxes.keys()].map(shownAs)).size;
  }

  // ---- moving -----------------------------------------------------------------------------------

  let asked = 0; // frame in which listeners will be told

  function go(i) {
    const to = Math.max(0, Math.min(data.steps.length - 1, i));
    if (to === state.at) return;
    state.at = to;
    remember();
    if (!asked) {
      asked = requestAnimationFrame(() => {
        asked = 0;
        emit("step");
        state.before = state.at;
      });
    }
  }

  /* Tell of the first step, when the browser has shown what there is until now. */
  function restart() {
    setTimeout(() => {
      emit("step");
      state.before = state.at;
    });
  }

  function select(box) {
    state.selected = box;
    emit("select");
  }

  function setClosed(ids, anchor = null) {
    state.closed = new Set(ids);
    remember();
    emit("closed", anchor);
  }

  function emit(name, ...rest) {
    for (const listener of listeners[name]) listener(...rest);
  }

  // ---- the address ------------------------------------------------------------------------------

  let writing = 0;

  /* Browsers allow few changes of the address in a second: it is written when all is quiet. */
  function remember() {
    clearTimeout(writing);
    writing = setTimeout(() => {
      const closed = [...state.closed].sort();
      const said = `#step=${state.at + 1}${groups.size ? `&closed=${closed.join(",")}` : ""}`;
      try {
        history.replaceState(null, "", said);
      } catch {
        // within a notebook's frame there is no address to keep
      }
    }, 250);
  }

  function read() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const number = Number.parseInt(asked.get("step"), 10);
    const closed = asked.get("closed");
    return {
      at: Number.isFinite(number) ? number - 1 : null,
      closed: closed == null ? null : closed.split(",").filter((id) => groups.has(id)),
    };
  }

  addEventListener("hashchange", () => {
    const { at, closed } = read();
    if (closed && [...state.closed].sort().join() !== [...closed].sort().join()) setClosed(closed);
    if (at != null) go(at);
  });

  const begin = read();
  if (begin.closed) state.closed = new Set(begin.closed);
  else closedAtFirst();
  state.at = Math.max(0, Math.min(data.steps.length - 1, begin.at ?? 0));
  state.before = state.at;

  // ---- making elements, for all -----------------------------------------------------------------

  /* An element with attributes and children; strings become text, never markup. */
  Player.make = (name, attributes = {}, ...children) => {
    const svg = /^(svg|g|path|rect|text|tspan|circle|title|image)$/.test(name);
    const made = svg
      ? document.createElementNS("http://www.w3.org/2000/svg", name)
      : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value != null && value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child != null && child !== ""));
    return made;
  };

  Player.get = (id) => document.getElementById(id);

  Player.cut = (text, most) => {
    const letters = text.length > most ? [...text.slice(0, 2 * most)] : [];
    return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : text;
  };

  // Asked each time, as somebody may change it while the page is open.
  Player.isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
})();
