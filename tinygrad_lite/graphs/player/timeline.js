/* The timeline: a mark for each step; playing and scrubbing. */

(() => {
  "use strict";

  const { state, get, values } = Player;
  const holder = get("timeline");
  const canvas = holder.querySelector("canvas");
  const EDGE = 12,
    GAP = 18; // pixels: at both ends, and between phases
  const speeds = [0.5, 1, 2, 4];
  const runs = []; // steps of one phase that follow each other: {phase, first, last}
  let places = []; // x of every step
  let between = 0; // pixels from one to the next
  let width = 0,
    height = 0;
  let colour = {};

  Player.speed = 1;
  Player.timeline = { toggle, pause, setSpeed, nextPhase, edge, say, onMeasure: [] };

  state.steps.forEach((step, i) => {
    if (runs.at(-1)?.phase === step.phase) runs.at(-1).last = i;
    else runs.push({ phase: step.phase, first: i, last: i });
  });

  // ---- drawing ----------------------------------------------------------------------------------

  function measure() {
    const box = holder.getBoundingClientRect();
    [width, height] = [box.width, box.height];
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    const gap = Math.min(GAP, (0.2 * width) / runs.length);
    between = (width - 2 * EDGE - gap * (runs.length - 1)) / state.steps.length;
    places = [];
    for (const [k, run] of runs.entries()) {
      for (let i = run.first; i <= run.last; i += 1)
        places.push(EDGE + k * gap + (i + 0.5) * between);
      run.from = places[run.first] - between / 2;
      run.to = places[run.last] + between / 2;
    }
    for (const listener of Player.timeline.onMeasure) listener();
  }

  /* The x at which the place of a step begins, or ends. */
  function edge(i, side) {
    return places[i] + (side * between) / 2;
  }

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    colour = {
      forward: of("forward"),
      backward: of("backward"),
      update: of("muted"),
      muted: of("muted"),
      outline: of("outline"),
      fill: of("background"),
    };
  }

  function draw() {
    if (!width) return;
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    const line = height - 27;
    drawMarks(pen, line);
    pen.font = "11px system-ui, sans-serif";
    for (const run of runs) {
      const isNow = run.first <= state.at && state.at <= run.last;
      if (run.to - run.from < 46) continue;
      pen.fillStyle = isNow ? colour[run.phase] : colour.muted;
      pen.fillText(run.phase, run.from, height - 5, run.to - run.from);
    }
  }

  function drawMarks(pen, line) {
    const radius = Math.min(4.5, between / 2 - 1.2);
    const isDots = radius >= 1.6;
    for (const run of runs) {
      if (between < 0.6) {
        // closer than pixels: a line of each colour
        const here = Math.max(run.from, Math.min(run.to, edge(state.at, 1)));
        pen.fillStyle = colour[run.phase];
        pen.fillRect(run.from, line - 4, here - run.from, 8);
        pen.fillStyle = colour.outline;
        pen.fillRect(here, line - 4, run.to - here, 8);
        continue;
      }
      for (let i = run.first; i <= run.last; i += 1) {
        const isDone = i <= state.at;
        pen.fillStyle = isDone ? colour[run.phase] : colour.outline;
        if (!isDots) {
          const wide = Math.max(0.6, between * 0.6);
          pen.fillRect(places[i] - wide / 2, line - 4, wide, 8);
          continue;
        }
        pen.beginPath();
        pen.arc(places[i], line, radius, 0, 2 * Math.PI);
        if (isDone) pen.fill();
        else {
          pen.strokeStyle = colour.outline;
          pen.lineWidth = 1.2;
          pen.stroke();
        }
      }
    }
    const x = places[state.at];
    pen.strokeStyle = colour[state.steps[state.at].phase];
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, line, Math.max(6.5, radius + 3), 0, 2 * Math.PI);
    if (!isDots) {
      pen.fillStyle = colour.fill;
      pen.fill();
    }
    pen.stroke();
  }

  // ---- by hand ----------------------------------------------------------------------------------

  function stepUnder(event) {
    const x = event.clientX - holder.getBoundingClientRect().left;
    let low = 0,
      high = places.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((places[middle] + places[middle + 1]) / 2 < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  let isScrubbing = false;
  for (const part of [holder, get("bands")]) {
    part.addEventListener("pointerdown", (event) => {
      isScrubbing = true;
      part.setPointerCapture(event.pointerId);
      pause();
      state.go(stepUnder(event));
    });
    part.addEventListener("pointermove", (event) => {
      if (isScrubbing) state.go(stepUnder(event));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      part.addEventListener(name, () => {
        isScrubbing = false;
      });
    }
  }
  holder.addEventListener("pointermove", hint);
  holder.addEventListener("pointerleave", () => say(""));
  holder.addEventListener("keydown", (event) => {
    // as sliders do; the other keys are the page's
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    pause();
    state.go(state.at + by);
  });

  function hint(event) {
    const i = stepUnder(event);
    const step = state.steps[i];
    const to = step.to ? ` → ${Player.cut(step.to, 24)}` : "";
    const part = state.isFitted(step) ? `, ${step.part}` : "";
    const saved = step.saved ? ` · ${values.bytes(step.saved)}` : "";
    say(`${i + 1} · ${Player.cut(step.title, 48)}${to}${part}${saved}`, places[i]);
  }

  /* A few words above the place that they are about; none, to take them away. */
  function say(text, x = 0) {
    const said = get("hint");
    said.hidden = !text;
    said.textContent = text;
    const left = Math.min(width - said.offsetWidth, x - said.offsetWidth / 2);
    said.style.left = `${Math.max(0, left)}px`;
  }

  // ---- playing ----------------------------------------------------------------------------------

  let playing = 0;
  const PLAY = "M4 2.5v11l9.5-5.5z",
    PAUSE = "M3.5 3h3v10h-3zM9.5 3h3v10h-3z";

  function toggle() {
    if (playing) {
      pause();
      return;
    }
    if (state.at === state.steps.length - 1) state.go(0);
    else state.go(state.at + 1);
    schedule();
    showPlay();
  }

  function schedule() {
    playing = setTimeout(() => {
      if (state.at >= state.steps.length - 1) {
        pause();
        return;
      }
      state.go(state.at + 1);
      schedule();
    }, 1500 / Player.speed);
  }

  function pause() {
    clearTimeout(playing);
    playing = 0;
    showPlay();
  }

  function showPlay() {
    const button = get("play");
    button.querySelector("path").setAttribute("d", playing ? PAUSE : PLAY);
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
  }

  function setSpeed(change) {
    const k = speeds.indexOf(Player.speed) + change;
    Player.speed = speeds[Math.max(0, Math.min(speeds.length - 1, k))];
    get("speed").value = String(Player.speed);
  }

  function nextPhase(direction) {
    const here = runs.findIndex((run) => run.first <= state.at && state.at <= run.last);
    state.go(
      direction < 0 && state.at > runs[here].first
        ? runs[here].first
        : (runs[here + direction] ?? (direction < 0 ? runs[0] : { first: runs.at(-1).last })).first,
    );
  }

  get("speed").addEventListener("change", (event) => {
    Player.speed = Number(event.target.value);
  });
  get("play").addEventListener("click", toggle);
  for (const [id, move] of [
    ["first", () => 0],
    ["back", () => state.at - 1],
    ["next", () => state.at + 1],
    ["last", () => state.steps.length - 1],
  ]) {
    get(id).addEventListener("click", () => {
      pause();
      state.go(move());
    });
  }

  function update() {
    const step = state.steps[state.at];
    holder.setAttribute("aria-valuenow", state.at + 1);
    holder.setAttribute(
      "aria-valuetext",
      `step ${state.at + 1} of ${state.steps.length}, ${step.phase}, ${Player.cut(step.title, 80)}${state.isFitted(step) ? `, ${step.part}` : ""}`,
    );
    for (const [id, off] of [
      ["first", state.at === 0],
      ["back", state.at === 0],
      ["next", state.at === state.steps.length - 1],
      ["last", state.at === state.steps.length - 1],
    ]) {
      get(id).setAttribute("aria-disabled", off);
    }
    draw();
  }

  holder.setAttribute("aria-valuemax", state.steps.length);
  new ResizeObserver(() => {
    measure();
    draw();
  }).observe(holder);
  state.on("step", update);
  state.on("theme", () => {
    readColours();
    draw();
  });
  showPlay();
})();
