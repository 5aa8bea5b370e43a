/* The focus stays where it was when what has it is made anew, and finds a place when that goes.
   Listens before all others do, to know where it was. */

(() => {
  "use strict";

  const { state, get } = Player;
  let selected = null; // the box that was, before another is
  let gone = null; // what had the focus in the picture, until it's drawn again

  const had = () => {
    const element = document.activeElement;
    return element?.matches(":focus-visible") ? element : null;
  };
  const isLost = (element) => !element.isConnected || !element.checkVisibility();
  const isFree = () => [null, document.body].includes(document.activeElement);
  const labelOf = (element) => element.getAttribute("aria-label") ?? element.textContent;

  // ---- beside the picture -----------------------------------------------------------------------

  function keep() {
    const element = had();
    const pane = element?.closest("#said, #chosen");
    if (!pane) return;
    const label = labelOf(element);
    const at = alike(pane, label).indexOf(element);
    const box = selected;
    queueMicrotask(() => {
      if (!isLost(element)) return;
      const same = pane.hidden ? [boxOf(box)] : alike(pane, label);
      const found = [same[at], same[0]].find((x) => x?.checkVisibility({ visibilityProperty: true }));
      (found ?? get("step")).focus({ preventScroll: true });
    });
  }

  function alike(pane, label) {
    return [...pane.querySelectorAll("button, [tabindex]")].filter((x) => labelOf(x) === label);
  }

  function boxOf(id) {
    return id && get("canvas").querySelector(`.box[data-id="${id}"]`);
  }

  // ---- the picture ------------------------------------------------------------------------------

  function keepBox() {
    const element = had();
    if (element && get("canvas").contains(element)) gone = element;
  }

  /* The same box or module, be it open or closed now, or the module that a box is within now. */
  function restoreBox() {
    if (!gone || gone.isConnected) return;
    const old = gone;
    gone = null;
    if (!isFree()) return;
    const id = old.dataset.group ?? old.dataset.id;
    const shown = state.boxes.has(id) ? state.shownAs(id) : id;
    const canvas = get("canvas");
    const found =
      canvas.querySelector(`.fold[data-group="${shown}"], .box[data-id="${shown}"]`) ??
      canvas.querySelector('[tabindex="0"]');
    found?.focus({ preventScroll: true });
  }

  state.on("step", keep);
  state.on("theme", keep);
  state.on("select", () => {
    keep();
    selected = state.selected;
  });
  state.on("closed", keepBox);
  state.on("drawn", restoreBox);
})();
