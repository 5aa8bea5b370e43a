/* The graph: drawn where layout.js places it, lit by the step in focus, with what can be done to it by hand. */

(() => {
  "use strict";

  const { state, make, get, layout, drawing, view } = Player;
  const svg = get("canvas");
  const SLICE = 8; // milliseconds of work, after which others have their turn
  let world = make("g", { class: "world" });
  let picture = null;
  let parts = new Map(); // by id of a node: its elements
  let laneOf = new Map(); // by id of an arrow
  let cursor = null; // the one box or frame that Tab comes to
  let version = 0;

  svg.append(world);
  Player.picture = { show, reveal, redraw, focused };

  // ---- drawing ----------------------------------------------------------------------------------

  /* Lay out again; what the anchor, a group, is stays where it is on the screen. */
  async function redraw(anchor = null) {
    version += 1;
    const mine = version;
    const timer = setTimeout(() => {
      get("busy").hidden = false;
    }, 150);
    const made = await layout.place();
    clearTimeout(timer);
    if (mine !== version) return; // asked for another since
    await draw(made, anchor, () => mine === version);
    if (mine !== version) return;
    get("busy").hidden = true;
    svg.dataset.ready = String(mine); // tests wait for it
  }

  /* Elements are made in slices of a few milliseconds, so that keys and the mouse aren't kept
     waiting. They are in the page while nobody sees them, and at their place, so that the browser
     lays out their texts slice by slice, too; then they are shown all at once. */
  async function draw(made, anchor, isWanted) {
    const layers = [
      make("g", { class: "frames" }),
      make("g", { class: "lanes" }),
      make("g", { class: "boxes" }),
    ];
    const newParts = new Map();
    const newLanes = new Map();
    const place = placeOf(made, anchor);
    const near = view.near(place);
    const motion = make("g", { class: "motion" });
    const transform = view.transform(place);
    const next = make("g", { class: "world next", transform }, ...layers, motion);
    svg.querySelectorAll(".next").forEach((left) => left.remove());
    svg.append(next);
    const work = [
      ...[...made.frames.values()]
        .filter((f) => f.x != null)
        .map((f) => () => layers[0].append(drawing.frame(f, newParts))),
      ...made.lanes.map((lane) => () => {
        drawing.lane(lane, newLanes);
        refreshLane(lane, made.nodes);
        lane.layer = layers[1];
        view.put(lane, near);
      }),
      ...[...made.nodes.values()].map((node) => () => {
        drawing.node(node, newParts);
        refresh(newParts.get(node.id));
        node.layer = layers[2];
        view.put(node, near);
      }),
    ];
    if (!(await inSlices(work, isWanted))) return;
    await rest();
    if (!isWanted()) return;
    const now = placeOf(made, anchor);
    [picture, parts, laneOf] = [made, newParts, newLanes];
    lit.lane = lit.node = null;
    world.remove();
    world = next;
    world.classList.remove("next");
    setCursor(anchor ?? focused()?.id);
    view.of(world, made, now);
    update();
    state.emit("drawn");
  }

  /* Where a picture will be seen: the anchor where it was; else all of it, if it can be read so,
     or the box in focus. */
  function placeOf(made, anchor) {
    const [before, after] = [partOf(picture, anchor), partOf(made, anchor)];
    if (!before || !after) return view.aim(made, focused(made), 0.85);
    const { x, y, scale } = view.place();
    return { x: x + (before.x - after.x) * scale, y: y + (before.y - after.y) * scale, scale };
  }

  function partOf(of, id) {
    const found = of?.frames.get(id) ?? of?.nodes.get(id);
    return found?.x == null ? null : found;
  }

  /* The node that the step is about, or the first. */
  function focused(of = picture) {
    const id = state.steps[state.at]?.box ?? [...state.boxes.keys()][0];
    return partOf(of, state.shownAs(id));
  }

  // ---- what is lit ------------------------------------------------------------------------------

  const lit = { node: null, lane: null };

  /* What a step changes: the looks of boxes that it computes, the box in focus, the line in motion. */
  function update() {
    if (!picture) return;
    refreshAll();
    for (const lane of picture.lanes) refreshLane(lane, picture.nodes);
    const step = state.steps[state.at];
    const phase = step.phase;
    lit.node?.classList.remove("now", "forward", "backward", "update");
    lit.lane?.classList.remove("now");
    lit.node = step.box ? (parts.get(state.shownAs(step.box))?.all ?? null) : null;
    lit.node?.classList.add("now", phase);
    const lane = laneOf.get(step.arrow);
    lit.lane = lane?.element ?? null;
    lit.lane?.classList.add("now");
    lit.lane?.setAttribute("data-phase", phase);
    raise();
    move(step, lane);
  }

  /* The line in motion is above the others. */
  function raise() {
    if (lit.lane?.isConnected) lit.lane.parentNode.append(lit.lane);
  }

  function refreshAll() {
    for (const part of parts.values()) if (part.node) refresh(part);
  }

  function refresh(part) {
    const { node } = part;
    const isDone = node.box
      ? node.box.value == null || state.isComputed(node.box.value)
      : node.members.some((box) => box.value != null && box.steps.some((i) => i <= state.at));
    const found = node.box?.value != null ? state.gradient(node.box.value) : { state: "" };
    const now = `${isDone} ${found.state} ${found.done} ${node.id === state.selected}`;
    if (now === part.state) return;
    part.state = now;
    part.all.classList.toggle("todo", !isDone);
    part.all.classList.toggle("chosen", node.id === state.selected);
    for (const line of part.lines) {
      let text = line.text;
      if (line.role === "value" && !isDone) text = "";
      if (line.role === "gradient") {
        if (found.state === "partial")
          text = `∂ ${found.value == null ? "" : Player.values.brief(found.value)} … ${found.done} of ${found.of}`;
        else if (found.state !== "complete") text = "";
      }
      if (text !== line.shown) line.element.textContent = text;
      line.shown = text;
    }
    for (const thumb of part.thumbs) {
      const isOn = thumb.role === "value" ? isDone : found.value != null;
      thumb.all.classList.toggle("off", !isOn);
      if (isOn) setThumb(thumb, thumb.role === "value" ? thumb.value : found.value);
    }
    const title = node.group
      ? `${node.title}, closed, ${node.members.length} boxes`
      : node.box.title;
    const said = part.lines.map((line) => line.shown).filter(Boolean);
    if (!isDone) said.push("not computed yet");
    if (part.check) said.push(Player.panels.checked(part.check));
    part.focus.setAttribute("aria-label", [title, ...said].join(", "));
    if (node.group) part.focus.setAttribute("aria-expanded", "false");
    else part.focus.setAttribute("aria-pressed", node.id === state.selected);
  }

  /* A sum of gradients shows how far it has come. */
  function setThumb(thumb, value) {
    if (thumb.shown === value) return;
    thumb.shown = value;
    thumb.image.setAttribute("href", Player.values.thumb(value));
  }

  /* In other colours. */
  function repaint() {
    const mine = version;
    const thumbs = [...parts.values()].flatMap((part) => part.thumbs ?? []);
    const work = thumbs.map((thumb) => () => {
      thumb.image.setAttribute("href", Player.values.thumb(thumb.shown));
    });
    inSlices(work, () => mine === version);
  }

  /* Do all of it, a few milliseconds at a time; whether it was wanted to the end. */
  async function inSlices(work, isWanted) {
    let since = performance.now();
    for (const task of work) {
      task();
      if (performance.now() - since < SLICE) continue;
      await rest();
      if (!isWanted()) return false;
      since = performance.now();
    }
    return true;
  }

  function rest() {
    return new Promise((resolve) => {
      setTimeout(resolve);
    });
  }

  function refreshLane(lane, nodes) {
    lane.returns ??= Math.min(
      ...lane.arrows.filter((a) => a.kind === "backward").map((a) => a.steps[0] ?? Infinity),
    );
    const back = lane.returns <= state.at;
    const source = nodes.get(lane.source);
    const isDone = !source.box || source.box.value == null || state.isComputed(source.box.value);
    const now = `${back} ${isDone}`;
    if (now === lane.now) return;
    lane.now = now;
    lane.element.classList.toggle("went-back", back);
    lane.element.classList.toggle("todo", !isDone);
  }

  // ---- motion -----------------------------------------------------------------------------------

  /* The rule stands beside the line, and a dot travels along it; in the forward pass a dot from each
     of what the box takes. The browser moves the dots without any help from this thread. */
  function move(step, lane) {
    const layer = world.querySelector(".motion");
    layer.replaceChildren();
    const isBack = step.phase === "backward";
    const lanes = lane
      ? [lane]
      : step.box && !isBack
        ? picture.lanes
            .filter((l) => l.target === state.shownAs(step.box) && l.kind !== "backward")
            .slice(0, 12)
        : [];
    if (lane && isBack && step.symbols) layer.append(ruleAt(lane, step.symbols));
    if (Player.isCalm()) return;
    for (const { curve } of lanes) {
      const dot = make("circle", { r: 4.5, class: `dot ${step.phase}` });
      layer.append(dot);
      const path = drawing.along(curve).map(({ x, y, share }) => ({
        transform: `translate(${x}px, ${y}px)`,
        offset: share,
      }));
      dot.animate(path, {
        duration: 650 / Math.max(1, Player.speed ?? 1),
        easing: "cubic-bezier(0.33, 0, 0.67, 1)",
        direction: isBack ? "reverse" : "normal",
      }).onfinish = () => dot.remove();
    }
  }

  function ruleAt(lane, symbols) {
    const { x, y } = drawing.along(lane.curve).find(({ share }) => share >= 0.5);
    return make("text", { class: "rule", x: x + 9, y: y - 5 }, Player.cut(symbols, 30));
  }

  // ---- what is in sight -------------------------------------------------------------------------

  /* Bring a box into sight, to the middle if asked or if it is out of it. */
  function show(id, always = false) {
    const node = picture?.nodes.get(state.shownAs(id)) ?? picture?.frames.get(id);
    if (node?.x != null) view.show(node, always);
  }

  /* Open the closed groups around a box or group, then show it. */
  async function reveal(id) {
    const hidden = state.ancestors(state.boxes.get(id)?.group ?? state.groups.get(id)?.parent);
    const closed = new Set(state.closed);
    for (const group of hidden) closed.delete(group);
    if (closed.size !== state.closed.size) {
      state.setClosed(closed, hidden.at(-1));
      await redrawn;
    }
    show(id, true);
  }

  // ---- by hand ----------------------------------------------------------------------------------

  function setCursor(id, focus = false) {
    if (cursor) parts.get(cursor)?.focus.setAttribute("tabindex", -1);
    cursor = parts.has(id) ? id : ([...parts.keys()][0] ?? null);
    const part = parts.get(cursor);
    part?.focus.setAttribute("tabindex", 0);
    if (focus) {
      show(cursor);
      part?.focus.focus({ preventScroll: true });
    }
  }

  function act(target) {
    const id =
      target.closest("[data-group]")?.dataset.group ?? target.closest("[data-id]")?.dataset.id;
    if (target.closest("[data-group]")) toggle(id);
    else if (state.groups.has(id) && state.closed.has(id)) toggle(id);
    else if (state.boxes.has(id)) state.select(state.selected === id ? null : id);
    else if (state.selected) state.select(null);
    if (parts.has(id)) setCursor(id);
  }

  function toggle(id) {
    const closed = new Set(state.closed);
    if (!closed.delete(id)) closed.add(id);
    state.setClosed(closed, id);
  }

  svg.addEventListener("click", (event) => {
    if (!view.wasDragged()) act(event.target);
  });

  svg.addEventListener("keydown", (event) => {
    const order = [...parts.keys()];
    const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.shiftKey && event.key.startsWith("Arrow")) {
      const [dx, dy] = {
        ArrowUp: [0, 60],
        ArrowDown: [0, -60],
        ArrowLeft: [60, 0],
        ArrowRight: [-60, 0],
      }[event.key];
      view.pan(dx, dy);
    } else if (to) {
      setCursor(order[Math.max(0, Math.min(order.length - 1, order.indexOf(cursor) + to))], true);
    } else if (event.key === "Enter" || event.key === " ") {
      act(event.target);
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });

  svg.addEventListener("focusin", ({ target }) => {
    const id = target.dataset.group ?? target.dataset.id;
    if (!parts.has(id)) return;
    setCursor(id);
    if (target.matches(":focus-visible")) show(id); // Tab may come to what is out of sight
  });

  let redrawn = Promise.resolve();
  state.on("step", () => {
    const { box } = state.steps[state.at];
    if (box) show(box); // first, while the browser still knows all sizes
    update();
  });
  state.on("theme", repaint);
  state.on("near", raise);
  state.on("select", refreshAll);
  state.on("closed", (anchor) => {
    redrawn = redraw(anchor);
  });
})();
