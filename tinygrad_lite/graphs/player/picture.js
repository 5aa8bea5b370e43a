/* The graph: drawn where layout.js places it, lit by the step in focus, with what can be done to it by hand. */

(() => {
  "use strict";

  const { state, make, get, layout, drawing, view } = Player;
  const svg = get("canvas");
  let world = make("g", { class: "world" });
  let picture = null;
  let parts = new Map(); // by id of a node: its elements
  let laneOf = new Map(); // by id of an arrow
  let cursor = null; // the one box or frame that Tab comes to
  let version = 0;

  svg.append(world);
  Player.picture = { show, reveal, redraw };

  // ---- drawing ----------------------------------------------------------------------------------

  /* Lay out again; what the anchor, a group, is stays where it is on the screen. */
  async function redraw(anchor = null) {
    version += 1;
    const mine = version;
    const timer = setTimeout(() => {
      get("busy").hidden = false;
    }, 150);
    const old = anchor && cornerOf(anchor);
    const made = await layout.place();
    clearTimeout(timer);
    if (mine !== version) return; // asked for another since
    await draw(made, () => mine === version);
    if (mine !== version) return;
    get("busy").hidden = true;
    svg.dataset.ready = String(mine); // tests wait for it
    const now = anchor && cornerOf(anchor);
    if (old && now) {
      view.pan((old[0] - now[0]) * view.scale(), (old[1] - now[1]) * view.scale());
    } else {
      begin();
    }
    if (old) setCursor(anchor);
  }

  function cornerOf(id) {
    const found = picture && (picture.frames.get(id) ?? picture.nodes.get(id));
    return found?.x == null ? null : [found.x, found.y];
  }

  /* Elements are made in slices of a few milliseconds, so that keys and the mouse aren't kept
     waiting. They are in the page while nobody sees them, so that the browser lays out their texts
     slice by slice, too; then they are shown all at once. */
  async function draw(made, isWanted) {
    const layers = [
      make("g", { class: "frames" }),
      make("g", { class: "lanes" }),
      make("g", { class: "boxes" }),
    ];
    const newParts = new Map();
    const newLanes = new Map();
    const next = make("g", { class: "world next" }, ...layers, make("g", { class: "motion" }));
    svg.querySelectorAll(".next").forEach((left) => left.remove());
    svg.append(next);
    const work = [
      ...[...made.frames.values()]
        .filter((f) => f.x != null)
        .map((f) => () => layers[0].append(drawing.frame(f, newParts))),
      ...made.lanes.map((lane) => () => {
        layers[1].append(drawing.lane(lane, newLanes));
        refreshLane(lane, made.nodes);
      }),
      ...[...made.nodes.values()].map((node) => () => {
        layers[2].append(drawing.node(node, newParts));
        refresh(newParts.get(node.id));
      }),
    ];
    let since = performance.now();
    for (const task of work) {
      task();
      if (performance.now() - since > 8) {
        await new Promise((resolve) => {
          setTimeout(resolve);
        });
        since = performance.now();
        if (!isWanted()) return;
      }
    }
    stopMotion();
    [picture, parts, laneOf] = [made, newParts, newLanes];
    lit.lane = lit.node = null;
    world.remove();
    world = next;
    world.classList.remove("next");
    view.of(world, made.width, made.height);
    setCursor(null);
    update();
    state.emit("drawn");
  }

  // ---- what is lit ------------------------------------------------------------------------------

  const lit = { node: null, lane: null };

  /* What a step changes: the looks of boxes that it computes, the box in focus, the line in motion. */
  function update() {
    if (!picture) return;
    for (const part of parts.values()) if (part.node) refresh(part);
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
    if (lane) lane.element.parentNode.append(lane.element); // above the others
    move(step, lane);
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
    part.focus.setAttribute("aria-label", `${title}${isDone ? "" : ", not computed yet"}`);
  }

  /* A sum of gradients shows how far it has come. */
  function setThumb(thumb, value) {
    if (thumb.shown === value) return;
    thumb.shown = value;
    thumb.image.setAttribute("href", Player.values.thumb(value));
  }

  /* In other colours, some at a time. */
  async function repaint() {
    const mine = version;
    let since = performance.now();
    for (const thumb of [...parts.values()].flatMap((part) => part.thumbs ?? [])) {
      thumb.image.setAttribute("href", Player.values.thumb(thumb.shown));
      if (performance.now() - since < 8) continue;
      await new Promise((resolve) => {
        setTimeout(resolve);
      });
      since = performance.now();
      if (mine !== version) return;
    }
  }

  function refreshLane(lane, nodes) {
    const back = lane.arrows.some(
      (a) => a.kind === "backward" && a.steps.some((i) => i <= state.at),
    );
    const source = nodes.get(lane.source);
    const isDone = !source.box || source.box.value == null || state.isComputed(source.box.value);
    const now = `${back} ${isDone}`;
    if (now === lane.now) return;
    lane.now = now;
    lane.element.classList.toggle("went-back", back);
    lane.element.classList.toggle("todo", !isDone);
  }

  // ---- motion -----------------------------------------------------------------------------------

  let frame = 0;

  function stopMotion() {
    cancelAnimationFrame(frame);
    world.querySelector(".motion")?.replaceChildren();
  }

  /* The rule stands beside the line, and a dot travels along it; in the forward pass a dot from each
     of what the box takes. */
  function move(step, lane) {
    stopMotion();
    const layer = world.querySelector(".motion");
    const isBack = step.phase === "backward";
    const lanes = lane
      ? [lane]
      : step.box && !isBack
        ? picture.lanes
            .filter((l) => l.target === state.shownAs(step.box) && l.kind !== "backward")
            .slice(0, 12)
        : [];
    if (lane && isBack && step.symbols) layer.append(ruleAt(lane, step.symbols));
    if (!lanes.length || Player.isCalm()) return;
    const dots = lanes.map((l) => {
      const dot = make("circle", { r: 4.5, class: `dot ${step.phase}` });
      layer.append(dot);
      return { dot, line: l.line, length: l.line.getTotalLength() };
    });
    const start = performance.now();
    const time = 650 / Math.max(1, Player.speed ?? 1);
    const tick = (now) => {
      const part = Math.min(1, Math.max(0, (now - start) / time));
      const eased = part * part * (3 - 2 * part);
      for (const { dot, line, length } of dots) {
        const { x, y } = line.getPointAtLength(length * (isBack ? 1 - eased : eased));
        dot.setAttribute("transform", `translate(${x} ${y})`);
      }
      if (part < 1) frame = requestAnimationFrame(tick);
      else for (const { dot } of dots) dot.remove();
    };
    tick(start);
  }

  function ruleAt(lane, symbols) {
    const { x, y } = lane.line.getPointAtLength(lane.line.getTotalLength() / 2);
    return make("text", { class: "rule", x: x + 9, y: y - 5 }, Player.cut(symbols, 30));
  }

  // ---- what is in sight -------------------------------------------------------------------------

  /* At first all of it, if it can be read so; else the box in focus. */
  function begin() {
    view.fit();
    if (view.scale() >= 0.6) return;
    view.zoom(0.85 / view.scale());
    const step = state.steps[state.at];
    show(step?.box ?? [...state.boxes.keys()][0], true);
  }

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
      part?.focus.focus({ preventScroll: true });
      show(cursor);
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

  let redrawn = Promise.resolve();
  state.on("step", () => {
    update();
    const { box } = state.steps[state.at];
    if (box) show(box);
  });
  state.on("theme", repaint);
  state.on("select", () => {
    for (const part of parts.values()) if (part.node) refresh(part);
  });
  state.on("closed", (anchor) => {
    redrawn = redraw(anchor);
  });
})();
