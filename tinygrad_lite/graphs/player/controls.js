/* Keys, help, light and dark; and the beginning of it all. */

(() => {
  "use strict";

  const { state, make, get, picture, view, timeline } = Player;

  // ---- light and dark ---------------------------------------------------------------------------

  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const forced = matchMedia("(forced-colors: active)"); // the reader's own few colours
  const OWN = { background: "Canvas", fill: "Canvas", input: "Canvas", module: "Canvas" };
  for (const name of ["group", "parameter", "gradient"]) OWN[name] = "Canvas";
  let chosen = null; // what the switch says, if it was used

  function setTheme() {
    const dark = chosen ?? system.matches;
    root.dataset.theme = dark ? "dark" : "light";
    for (const [name, shades] of Object.entries(state.data.palette)) {
      const own = OWN[name.toLowerCase()] ?? "CanvasText";
      const shade = forced.matches ? own : shades[dark ? 1 : 0];
      root.style.setProperty(`--${name.toLowerCase()}`, shade);
    }
    get("theme").hidden = forced.matches;
    get("theme").setAttribute("aria-pressed", dark);
    get("theme").textContent = dark ? "☀" : "☾";
    state.emit("theme");
  }

  function switchTheme() {
    chosen = root.dataset.theme !== "dark";
    setTheme();
  }

  system.addEventListener("change", setTheme);
  forced.addEventListener("change", setTheme);
  get("theme").addEventListener("click", switchTheme);

  // ---- help -------------------------------------------------------------------------------------

  const KEYS = [
    ["← →", "one step back, one forward"],
    ["Home End", "first, last step"],
    ["PgUp PgDn", "to the phase before, after"],
    ["space", "play, pause"],
    ["[ ]", "slower, faster"],
    ["+ − f", "zoom in, out, fit all"],
    ["c", "close or open all modules"],
    ["/", "search boxes by name"],
    ["Tab, then ↑ ↓ Enter", "boxes of the graph, lines of the source, bands of memory"],
    ["d", "dark or light"],
    ["?", "this help"],
    ["Esc", "close what is open"],
  ];

  function openHelp() {
    const dialog = get("help");
    const close = make(
      "button",
      { type: "button", class: "close", "aria-label": "Close help" },
      "×",
    );
    close.addEventListener("click", () => dialog.close());
    dialog.replaceChildren(
      make("header", {}, make("h2", { id: "help-title" }, "How to read this page"), close),
      make(
        "p",
        {},
        "Each dot at the bottom is one step of the computation. ",
        make("b", { class: "forward" }, "Forward"),
        ": values are computed. ",
        make("b", { class: "backward" }, "Backward"),
        ": from the result, each step asks how much the result would change with what it was made from; that number is the gradient, ∂. Where a value was used several times, what comes back is added up. ",
        make("b", {}, "Update"),
        ": parameters are moved by their gradients.",
      ),
      make(
        "p",
        {},
        "Click a box to see its value and gradient; a frame's title to close or open a module; a source line to go to its first step. The grey bands are the memory that backward still needs, tensor by tensor; what the step reads is lit.",
      ),
      make(
        "dl",
        {},
        ...KEYS.flatMap(([keys, what]) => [
          make(
            "dt",
            {},
            ...keys
              .split(" ")
              .map((key) => (/^(then|Tab,)$/.test(key) ? ` ${key} ` : make("kbd", {}, key))),
          ),
          make("dd", {}, what),
        ]),
      ),
    );
    dialog.showModal();
  }

  get("ask").addEventListener("click", openHelp);
  get("help").addEventListener("click", (event) => {
    if (event.target === get("help")) get("help").close();
  });

  // ---- keys -------------------------------------------------------------------------------------

  const byHand = (move) => () => {
    timeline.pause();
    move();
  };
  const KEY = {
    ArrowLeft: byHand(() => state.go(state.at - 1)),
    ArrowRight: byHand(() => state.go(state.at + 1)),
    Home: byHand(() => state.go(0)),
    End: byHand(() => state.go(state.steps.length - 1)),
    PageUp: byHand(() => timeline.nextPhase(-1)),
    PageDown: byHand(() => timeline.nextPhase(1)),
    " ": timeline.toggle,
    "[": () => timeline.setSpeed(-1),
    "]": () => timeline.setSpeed(1),
    "+": () => view.zoom(1.25),
    "=": () => view.zoom(1.25),
    "-": () => view.zoom(0.8),
    f: view.fit,
    c: foldAll,
    d: switchTheme,
    "/": Player.search.begin,
    "?": openHelp,
    Escape: () => state.select(null),
  };

  /* Those with Ctrl, Alt or Meta are the browser's; but AltGr is how some keyboards type a bracket. */
  addEventListener(
    "keydown",
    (event) => {
      const isOther = event.ctrlKey || event.metaKey || event.altKey;
      if (isOther && !event.getModifierState("AltGraph")) event.stopImmediatePropagation();
    },
    { capture: true },
  );

  addEventListener("keydown", (event) => {
    const { target, key } = event;
    if (get("help").open) return;
    if (target.matches("input, select")) return;
    if (target.matches("button") && (key === " " || key === "Enter")) return; // it is pressed
    if (!KEY[key]) return;
    event.preventDefault();
    KEY[key]();
  });

  // ---- the view ---------------------------------------------------------------------------------

  function foldAll() {
    if (!state.groups.size) return;
    state.setClosed(state.closed.size ? [] : state.groups.keys());
  }

  function showFold() {
    const isOpen = !state.closed.size;
    get("fold").hidden = !state.groups.size;
    get("fold").textContent = isOpen ? "⊟" : "⊞";
    get("fold").setAttribute("aria-label", isOpen ? "Close all modules" : "Open all modules");
  }

  get("closer").addEventListener("click", () => view.zoom(1.25));
  get("farther").addEventListener("click", () => view.zoom(0.8));
  get("fit").addEventListener("click", view.fit);
  get("fold").addEventListener("click", foldAll);
  state.on("closed", showFold);

  // ---- the beginning ----------------------------------------------------------------------------

  const wrong = (state.data.check ?? []).filter((check) => check.ok === false);
  const titles = wrong.slice(0, 3).map(({ box }) => Player.cut(state.boxes.get(box).title, 40));
  if (wrong.length > 3) titles.push(`and ${wrong.length - 3} more`);
  const disagree = `Rules that disagree with central differences, marked ×: ${titles.join(", ")}`;
  const notes = [wrong.length ? disagree : "", state.data.note, state.data.diagram.note].filter(Boolean);
  get("remark").textContent = [...new Set(notes)].join(" · ");
  get("remark").hidden = !notes.length;
  showFold();
  setTheme();
  state.restart();
  picture.redraw();
})();
