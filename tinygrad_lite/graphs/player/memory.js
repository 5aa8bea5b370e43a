/* What backward still needs of the forward pass: above the timeline a band for each tensor, from the
   step that makes it to the last that reads it; and a list of what is held at the present step. */

(() => {
  "use strict";

  const { state, make, get, values, timeline } = Player;
  const { tensors } = state.data.memory;
  const MOST = 60; // bands; the smallest of more are one
  const LISTED = 6;
  const TOP = 4; // pixels above the highest
  const holder = get("bands");
  const isMemory = state.steps.some((step) => step.saved > 0);
  const peak = Math.max(1, state.data.memory.peak);
  const largest = Math.max(1, ...tensors.map((t) => t.bytes));
  const boxOf = new Map(); // by value
  const bands = [];
  const over = {}; // outlines above the bands: of what the step reads, of what is asked about, of now
  for (const kind of ["lit", "ring", "here"]) over[kind] = make("path", { class: `${kind} over` });
  let cursor = 0; // the band that Tab comes to

  Player.memory = { bands };

  for (const box of state.boxes.values()) if (box.value != null) boxOf.set(box.value, box.id);

  function isHeld(tensor, at = state.at) {
    return tensor.from <= at && at <= tensor.to;
  }

  /* Whether it is kept and the step works with it: an update reads what is kept no more. */
  function isRead(tensor) {
    const step = state.steps[state.at];
    if (!isHeld(tensor)) return false;
    return step.makes === tensor.value || step.takes.includes(tensor.value);
  }

  function name(tensor, most = 40) {
    return Player.cut(state.values[tensor.value].name, most);
  }

  /* Shows a tensor, in its box if it has one, else in the step that makes it. */
  function show(tensor) {
    const box = boxOf.get(tensor.value);
    if (box) state.select(box);
    else state.go(Math.max(0, state.values[tensor.value].made));
  }

  // ---- bands ------------------------------------------------------------------------------------

  /* Those that began first at the bottom: they are mostly the last to end. */
  function makeBands() {
    const large = new Set([...tensors].sort((a, b) => b.bytes - a.bytes).slice(0, MOST));
    const rest = tensors.filter((t) => !large.has(t));
    for (const t of tensors) {
      if (!large.has(t)) continue;
      const said = `${name(t, 60)} · ${values.bytes(t.bytes)} · kept from step ${t.from + 1} to ${t.to + 1}`;
      bands.push({ of: [t], said });
    }
    if (rest.length) {
      const total = rest.reduce((sum, t) => sum + t.bytes, 0);
      bands.push({ of: rest, said: `the rest: ${rest.length} tensors · ${values.bytes(total)}` });
    }
    const base = new Float64Array(state.steps.length);
    for (const band of bands) {
      const sizes = sizesOf(band.of);
      band.runs = runsOf(sizes, base);
      for (let i = 0; i < base.length; i += 1) base[i] += sizes[i];
      band.element = make("path", {
        class: "band",
        role: "button",
        tabindex: -1,
        "aria-label": `${band.said}${band.of.length === 1 ? "; Enter shows it" : ""}`,
      });
    }
  }

  /* The bytes of some tensors, step by step. */
  function sizesOf(some) {
    const sizes = new Float64Array(state.steps.length + 1);
    for (const t of some) {
      sizes[t.from] += t.bytes;
      sizes[t.to + 1] -= t.bytes;
    }
    for (let i = 1; i < sizes.length; i += 1) sizes[i] += sizes[i - 1];
    return sizes.subarray(0, -1);
  }

  /* The steps at which there is something, in runs of the same height: {first, last, low, high}. */
  function runsOf(sizes, base) {
    const runs = [];
    for (let i = 0; i < sizes.length; i += 1) {
      if (!sizes[i]) continue;
      const [low, high] = [base[i], base[i] + sizes[i]];
      const before = runs.at(-1);
      if (before?.last === i - 1 && before.low === low && before.high === high) before.last = i;
      else runs.push({ first: i, last: i, low, high });
    }
    return runs;
  }

  function place() {
    const { width, height } = holder.getBoundingClientRect();
    if (!width) return;
    holder.firstChild.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const y = (count) => (height - (count / peak) * (height - TOP)).toFixed(2);
    for (const band of bands) {
      band.path = outline(band.runs, y);
      band.element.setAttribute("d", band.path);
      const size = Math.max(...band.runs.map((run) => run.high - run.low));
      band.element.classList.toggle("thick", (size / peak) * height > 4);
    }
    light();
  }

  /* Along the upper edge, and back along the lower one; anew where nothing was held between. */
  function outline(runs, y) {
    const parts = [];
    for (const run of runs) {
      if (parts.at(-1)?.at(-1).last === run.first - 1) parts.at(-1).push(run);
      else parts.push([run]);
    }
    const x = (i, side) => timeline.edge(i, side).toFixed(2);
    const there = parts.map((part) => {
      const upper = part.map((run) => `V${y(run.high)}H${x(run.last, 1)}`);
      const lower = part.map((run) => `V${y(run.low)}H${x(run.first, -1)}`).reverse();
      return `M${x(part[0].first, -1)} ${y(part[0].low)}${upper.join("")}${lower.join("")}Z`;
    });
    return there.join("");
  }

  function light() {
    for (const band of bands) {
      const isNow = band.of.some((t) => isHeld(t));
      if (band.isHeld !== isNow) band.element.classList.toggle("held", isNow);
      band.isHeld = isNow;
    }
    const read = bands.filter((band) => band.of.length === 1 && isRead(band.of[0]));
    over.lit.setAttribute("d", read.map((band) => band.path ?? "").join(""));
    over.lit.setAttribute("class", `lit over ${state.steps[state.at].phase}`);
    const x = (timeline.edge(state.at, -1) + timeline.edge(state.at, 1)) / 2;
    if (Number.isFinite(x)) over.here.setAttribute("d", `M${x} 0V1000`);
  }

  /* Names a band, above it, and outlines it; none, to take that away. */
  function tell(band, x) {
    timeline.say(band?.said ?? "", x);
    over.ring.setAttribute("d", band?.path ?? "");
  }

  function middle(band) {
    const { first } = band.runs[0];
    return (timeline.edge(first, -1) + timeline.edge(band.runs.at(-1).last, 1)) / 2;
  }

  function setCursor(k) {
    bands[cursor].element.setAttribute("tabindex", -1);
    cursor = k;
    bands[cursor].element.setAttribute("tabindex", 0);
  }

  function listen() {
    const found = (event) => bands.findIndex((band) => band.element === event.target);
    holder.addEventListener("pointermove", (event) => {
      const under = document.elementFromPoint(event.clientX, event.clientY); // it may be captured
      const band = bands.find((one) => one.element === under);
      tell(band, event.clientX - holder.getBoundingClientRect().left);
    });
    holder.addEventListener("pointerleave", () => tell(null));
    holder.addEventListener("focusin", (event) => {
      const k = found(event);
      if (k < 0) return;
      setCursor(k);
      if (event.target.matches(":focus-visible")) tell(bands[k], middle(bands[k]));
    });
    holder.addEventListener("focusout", () => tell(null));
    holder.addEventListener("keydown", (event) => {
      const to = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (to) {
        setCursor(Math.max(0, Math.min(bands.length - 1, cursor + to)));
        bands[cursor].element.focus();
      } else if (event.key === "Enter" || event.key === " ") {
        if (bands[cursor].of.length === 1) show(bands[cursor].of[0]);
      } else {
        return;
      }
      event.preventDefault();
      event.stopPropagation();
    });
  }

  // ---- what is held -----------------------------------------------------------------------------

  const bySize = [...tensors].sort((a, b) => b.bytes - a.bytes);

  function list() {
    const held = bySize.filter((t) => isHeld(t));
    const rows = held.slice(0, LISTED).map((t) => {
      const row = make(
        "button",
        {
          type: "button",
          class: isRead(t) ? `lit ${state.steps[state.at].phase}` : null,
          title: `kept from step ${t.from + 1} to ${t.to + 1}, the last whose rule reads it`,
          "aria-label": `Show ${name(t)}, ${values.bytes(t.bytes)}, kept to step ${t.to + 1}`,
        },
        make("span", { class: "name" }, name(t)),
        make("i", { style: `width:${Math.max(1, (100 * t.bytes) / largest)}%` }),
        make("span", { class: "size" }, values.bytes(t.bytes)),
      );
      row.addEventListener("click", () => show(t));
      return make("li", {}, row);
    });
    const more = held.length - LISTED;
    if (more > 0) rows.push(make("li", { class: "more" }, `and ${more} more`));
    const total = state.steps[state.at].saved;
    const focus = [...get("memory").querySelectorAll("button")].indexOf(document.activeElement);
    get("memory").replaceChildren(
      make(
        "h3",
        {},
        "memory kept for backward ",
        make("b", {}, values.bytes(total)),
        make("span", {}, `, at most ${values.bytes(peak)}`),
      ),
      make("ul", { class: tensors.length > 3 ? "long" : null }, ...rows),
    );
    if (focus >= 0) {
      const buttons = get("memory").querySelectorAll("button");
      buttons[Math.min(focus, buttons.length - 1)]?.focus({ preventScroll: true });
    }
  }

  function update() {
    light();
    list();
  }

  get("memory").hidden = !isMemory;
  if (isMemory) {
    makeBands();
    const paths = bands.map((band) => band.element);
    const label =
      "Memory that backward still needs, a band for each tensor: up and down go from band to band, Enter shows the tensor";
    holder.append(
      make("svg", { role: "group", "aria-label": label }, ...paths, ...Object.values(over)),
    );
    holder.hidden = get("kept").hidden = false;
    setCursor(0);
    listen();
    timeline.onMeasure.push(place);
    new ResizeObserver(place).observe(holder);
    state.on("step", update);
  }
})();
