/* Search: boxes and modules by name, as a list of which one is taken. */

(() => {
  "use strict";

  const { state, make, get, picture, tabs } = Player;
  const MOST = 30; // that are listed
  const field = get("search");
  const list = get("found");
  let found = [];
  let mark = 0;
  let cameFrom = null; // what had the focus before
  let known = null; // all that can be found, once somebody searches

  Player.search = { begin };

  function things() {
    const { boxes, groups } = state.data.diagram;
    known ??= [...boxes, ...groups].map((thing) => {
      const name = thing.value == null ? "" : state.values[thing.value].name.toLowerCase();
      return { thing, name, words: `${name}\n${thing.title.toLowerCase()}` };
    });
    return known;
  }

  function search() {
    const asked = field.value.trim().toLowerCase();
    const all = asked ? things().filter((x) => x.words.includes(asked)) : [];
    all.sort((a, b) => rank(a, asked) - rank(b, asked));
    found = all.slice(0, MOST);
    mark = 0;
    list.hidden = !asked;
    field.setAttribute("aria-expanded", !list.hidden);
    list.replaceChildren(
      ...found.map((x, i) => {
        const path = x.thing.group && state.groups.get(x.thing.group)?.title;
        const row = make(
          "li",
          { role: "option", id: `found-${i}` },
          make("span", {}, Player.cut(x.thing.title, 60)),
          path ? make("small", {}, Player.cut(path, 50)) : null,
        );
        row.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          take(i);
        });
        return row;
      }),
    );
    const said = found.length ? `and ${all.length - found.length} more` : "nothing of this name";
    const isNoted = asked && (!found.length || all.length > found.length);
    const off = { class: "nothing", role: "option", "aria-disabled": "true" };
    if (isNoted) list.append(make("li", off, said));
    if (isNoted && !found.length) get("live").textContent = said;
    markOne();
  }

  function rank(x, asked) {
    return x.name === asked ? 0 : x.name.startsWith(asked) ? 1 : x.thing.value == null ? 3 : 2;
  }

  function markOne() {
    const rows = [...list.children];
    rows.forEach((row, i) => row.setAttribute("aria-selected", i === mark && i < found.length));
    list.children[mark]?.scrollIntoView({ block: "nearest" });
    if (found.length) field.setAttribute("aria-activedescendant", `found-${mark}`);
    else field.removeAttribute("aria-activedescendant");
  }

  /* Show what was found; whoever came by keyboard goes on from there. */
  function take(i, withFocus = false) {
    if (!found[i]) return;
    const { id } = found[i].thing;
    close(null);
    tabs.open("picture");
    picture.reveal(id).then(() => {
      if (state.boxes.has(id) && !tabs.areThere()) state.select(id);
      const one = `.box[data-id="${id}"], .fold[data-group="${id}"]`;
      if (withFocus) get("canvas").querySelector(one)?.focus({ preventScroll: true });
    });
  }

  /* The focus goes back to where it was. */
  function close(back = cameFrom) {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.value = "";
    field.blur();
    if (back?.isConnected) back.focus({ preventScroll: true });
    cameFrom = null;
  }

  function begin() {
    cameFrom = document.activeElement;
    field.focus();
  }

  field.addEventListener("input", search);
  field.addEventListener("focus", search);
  field.addEventListener("blur", () => {
    list.hidden = true;
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // of a letter that takes several keys
    const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (to && found.length) mark = (mark + to + found.length) % found.length;
    if (event.key === "Enter") take(mark, true);
    if (event.key === "Escape") close();
    if (to) event.preventDefault();
    if (to) markOne();
    event.stopPropagation();
  });
})();
