/* The panes of a narrow screen, each behind its tab. */

(() => {
  "use strict";

  const { state, get, picture } = Player;
  const tabs = [...document.querySelectorAll('[role="tab"]')];
  const narrow = matchMedia("(max-width: 859px)"); // where panes are behind tabs, as in step.css

  Player.tabs = { open, areThere: () => narrow.matches };

  function open(name) {
    document.body.dataset.tab = name;
    for (const tab of tabs) {
      const isIt = tab.getAttribute("aria-controls") === name;
      tab.setAttribute("aria-selected", isIt);
      tab.tabIndex = isIt ? 0 : -1;
    }
    if (name === "source") Player.panels.lightLines();
    if (name === "picture") picture.show(state.steps[state.at].box);
  }

  for (const [k, tab] of tabs.entries()) {
    tab.addEventListener("click", () => open(tab.getAttribute("aria-controls")));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: k - 1, ArrowRight: k + 1 }[event.key];
      if (to === undefined) return;
      const next = tabs[(to + tabs.length) % tabs.length];
      open(next.getAttribute("aria-controls"));
      next.focus();
      event.stopPropagation();
    });
  }

  function namePanes() {
    for (const tab of tabs) {
      const pane = get(tab.getAttribute("aria-controls"));
      if (narrow.matches) pane.setAttribute("role", "tabpanel");
      else pane.removeAttribute("role");
    }
  }

  narrow.addEventListener("change", namePanes);

  /* A box that is clicked is described beside the picture; on a narrow screen in another tab. */
  state.on("select", () => {
    const box = state.selected && get("canvas").querySelector(`.box[data-id="${state.selected}"]`);
    if (box) get("live").textContent = `Shown: ${box.getAttribute("aria-label")}`;
    if (!state.selected || !narrow.matches) return;
    const hadFocus = get("picture").contains(document.activeElement);
    open("step");
    if (hadFocus) get("step").focus();
  });

  open("picture");
  namePanes();
})();
