/* What the step does, in words, symbols and numbers; and the user's source beside it. */

(() => {
  "use strict";

  const { state, make, get, values } = Player;
  const { formulas, isFitted, sum } = Player.formulas;

  const MOST = 8; // values that are shown of what a step takes

  // ---- the step ---------------------------------------------------------------------------------

  function showStep() {
    const step = state.steps[state.at];
    const said = get("said");
    const parts = [
      make(
        "p",
        { class: `phase ${step.phase}` },
        make("b", { title: `line ${step.line} of explain()` }, step.phase),
        partOf(step),
        step.module ? make("span", { class: "module" }, step.module) : null,
      ),
      heading(step),
      step.words ? make("p", { class: "words" }, step.words) : null,
      formulas(step),
      state.at ? null : make("p", { class: "note" }, firstWords()),
      ...(step.notes ?? []).map((note) => make("p", { class: "note" }, note)),
      step.sum ? sum(step) : null,
      numbers(step),
    ];
    said.replaceChildren(...parts.filter(Boolean));
    get("step").scrollTop = 0;
    get("caption").textContent = step.words;
    get("caption").className = step.phase;
    get("title").textContent = state.data.title;
    get("count").textContent = `step ${state.at + 1} of ${state.steps.length}`;
    announce(step);
  }

  /* How to read the page, at its first step. */
  function firstWords() {
    const isBack = state.steps.some((one) => one.phase === "backward");
    const then = isBack
      ? " Then, on the way back, each gets its gradient (orange, after ∂): how fast the result changes with it."
      : "";
    return `→ is the next step. Going forward, values (blue) are computed from those that they need.${then}`;
  }

  /* Of a gradient that had to be fitted to what it is of: which of the two steps it is. */
  function partOf(step) {
    if (!step.part) return null;
    const of = state.values[step.makes].shape;
    const size = of.length ? `(${of.join(", ")}${of.length === 1 ? "," : ""})` : "one number";
    const said =
      step.part === "rule" ? `1 of 2: the rule gives ${size}` : `2 of 2: ${step.part} to ${size}`;
    return make("span", { class: "part" }, said);
  }

  function heading(step) {
    const to = step.to ? make("span", { class: "to" }, ` → ${Player.cut(step.to, 40)}`) : null;
    return make("h2", { title: step.title }, Player.cut(step.title, 90), to);
  }

  /* What the step takes, and what it makes. */
  function numbers(step) {
    const all = [...new Set(step.takes ?? [])];
    const takes = all.slice(0, MOST);
    const isBack = step.phase === "backward";
    const isFlow = step.kind === "contribution" || step.kind === "rule";
    const isAligned = isFitted(step) && areColumnsKept(all[0], step.makes);
    const parts = [];
    if (takes.length) {
      parts.push(
        make("h3", {}, isFitted(step) ? "before" : "takes"),
        make(
          "div",
          { class: "cards" },
          ...takes.map((i, k) =>
            values.card(i, {
              role: isBack && k === 0 && !isFitted(step) ? "g" : "",
              isAligned,
              isTaken: true,
              withGradient:
                step.phase !== "backward" && hasComplete(i) && !all.includes(state.gradient(i).value),
            }),
          ),
        ),
      );
      if (all.length > MOST)
        parts.push(make("p", { class: "none" }, `and ${all.length - MOST} more`));
    }
    if (step.makes != null) {
      const role = isFlow ? "gradient" : "";
      const name =
        step.kind === "contribution" ? `${step.sum ? "contribution to " : ""}∂ ${step.to}` : "";
      parts.push(
        make("h3", {}, isFitted(step) ? step.part : isFlow ? "gives" : "makes"),
        make(
          "div",
          { class: "cards" },
          values.card(step.makes, {
            role,
            name,
            isAligned,
            withGradient: step.phase === "forward",
          }),
        ),
      );
    }
    return make("section", { class: "numbers" }, ...parts);
  }

  /* Whether the columns of one are those of the other, so that they may stand above each other. */
  function areColumnsKept(before, after) {
    const [long, short] = [before, after].map((i) => state.values[i].shape);
    return long.length > 1 && short.length > 0 && long.at(-1) === short.at(-1);
  }

  function hasComplete(index) {
    return state.gradient(index).state === "complete";
  }

  /* Screen readers are told when it stops moving. */
  let saying = 0;
  function announce(step) {
    clearTimeout(saying);
    saying = setTimeout(() => {
      const said = `Step ${step.number} of ${state.steps.length}, ${step.phase}: ${step.words || step.title}`;
      if (get("live").textContent !== said) get("live").textContent = said;
    }, 350);
  }

  // ---- the box that was clicked -----------------------------------------------------------------

  function showChosen() {
    const place = get("chosen");
    const box = state.boxes.get(state.selected);
    place.hidden = !box;
    if (!box) return;
    const close = make(
      "button",
      { type: "button", class: "close", "aria-label": "Close, back to the step" },
      "×",
    );
    close.addEventListener("click", () => state.select(null));
    const steps = box.steps.map((i) => {
      const link = make(
        "button",
        { type: "button", class: `chip ${state.steps[i].phase}`, title: state.steps[i].title },
        String(i + 1),
      );
      link.addEventListener("click", () => state.go(i));
      return link;
    });
    const check = (state.data.check ?? []).find((found) => found.box === box.id);
    const parts = [
      make(
        "header",
        {},
        make("h3", {}, "shown: ", make("b", { title: box.title }, Player.cut(box.title, 80))),
        close,
      ),
      box.value == null
        ? make("p", { class: "none" }, "a box without a value of its own")
        : make("div", { class: "cards" }, values.card(box.value, { withGradient: true })),
      check ? make("p", { class: check.ok === false ? "odd" : "none" }, checked(check)) : null,
      steps.length ? make("p", { class: "chips" }, "steps ", ...steps.slice(0, 40)) : null,
    ];
    place.replaceChildren(...parts.filter(Boolean));
  }

  /* What a comparison of the rule with central differences found. */
  function checked(check) {
    if (check.ok == null)
      return `The rule wasn't checked with central differences${check.note ? `: ${check.note}` : "."}`;
    const error = check.error == null ? "" : `, relative error ${values.number(check.error, 2)}`;
    return `The rule ${check.ok ? "agrees" : "DISAGREES"} with central differences, where the inputs are really moved a little${error}. ${check.note ?? ""}`.trim();
  }

  // ---- source -----------------------------------------------------------------------------------

  const lines = new Map(); // "file:line" -> element
  let litLines = [];
  let cursor = null; // the one line that Tab comes to

  function showSource() {
    const { sources } = state.data;
    const code = get("code");
    if (!sources.length)
      code.append(make("p", { class: "none" }, "The source of this computation isn't known."));
    sources.forEach((source, file) => {
      const list = make("div", {
        class: "file",
        role: "listbox",
        "aria-label": `Source of ${source.file}: up and down go from line to line, Enter goes to its first step`,
      });
      source.lines.forEach((text, i) => {
        const key = `${file}:${source.first + i}`;
        const isLive = state.ofLine.has(key);
        const line = make(
          "div",
          {
            class: `row${isLive ? " live" : ""}`,
            role: isLive ? "option" : "presentation",
            tabindex: isLive ? -1 : null,
            "aria-selected": isLive ? "false" : null,
            "data-line": isLive ? key : null,
          },
          make("span", { class: "at" }, String(source.first + i)),
          make("code", {}, text || " "),
        );
        if (isLive) lines.set(key, line);
        list.append(line);
      });
      code.append(make("h3", { class: "filename" }, source.file), list);
    });
    cursor = [...lines.values()][0] ?? null;
    cursor?.setAttribute("tabindex", 0);
    code.addEventListener("click", (event) => follow(event.target.closest(".live")));
    code.addEventListener("keydown", walk);
  }

  /* A click on a line goes to its first step; clicked again, to its next. */
  function follow(line) {
    if (!line) return;
    const steps = state.ofLine.get(line.dataset.line);
    const here = steps.indexOf(state.at);
    state.go(here >= 0 ? steps[(here + 1) % steps.length] : steps[0]);
  }

  function walk(event) {
    const all = [...lines.values()];
    const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (to) {
      setCursor(all[Math.max(0, Math.min(all.length - 1, all.indexOf(cursor) + to))]);
      cursor.focus();
    } else if (event.key === "Enter" || event.key === " ") {
      follow(event.target.closest(".live"));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function setCursor(line) {
    cursor?.setAttribute("tabindex", -1);
    cursor = line;
    cursor?.setAttribute("tabindex", 0);
  }

  /* The step's line is lit, and that of the box that was clicked is marked. */
  function lightLines() {
    for (const line of litLines) {
      line.classList.remove("now", "chosen", "forward", "backward", "update");
      line.setAttribute("aria-selected", "false");
    }
    const step = state.steps[state.at];
    const now = step.place && lines.get(step.place.join(":"));
    const box = state.boxes.get(state.selected);
    const first = box && box.steps.map((i) => state.steps[i].place).find(Boolean);
    const chosen = first && lines.get(first.join(":"));
    now?.classList.add("now", step.phase);
    now?.setAttribute("aria-selected", "true");
    chosen?.classList.add("chosen");
    litLines = [now, chosen].filter(Boolean);
    if (now && document.activeElement?.closest("#code") == null) setCursor(now);
    bring(chosen ?? now);
  }

  function bring(line) {
    const code = get("code");
    if (!line || !code.clientHeight) return;
    const top = line.offsetTop - code.offsetTop;
    if (top < code.scrollTop + 30 || top > code.scrollTop + code.clientHeight - 40) {
      code.scrollTop = top - code.clientHeight / 2;
    }
  }

  /* The boxes of the lit line have a mark in the picture: CSS shows it. */
  function linkBoxes() {
    const step = state.steps[state.at];
    const boxes = step.place ? state.boxesOfLine.get(step.place.join(":")) : [];
    const ids = new Set([...boxes].map(state.shownAs));
    for (const box of get("canvas").querySelectorAll(".box")) {
      box.classList.toggle("of-line", ids.has(box.dataset.id));
    }
  }

  Player.panels = { lightLines, checked };
  showSource();
  get("checks").hidden = !state.data.check?.some((found) => found.ok);
  new ResizeObserver(() => bring(litLines.at(-1))).observe(get("code"));
  state.on("step", () => {
    showStep();
    showChosen();
    lightLines();
    linkBoxes();
  });
  state.on("select", () => {
    showChosen();
    if (state.selected) get("step").scrollTop = 0;
    lightLines();
  });
  state.on("near", linkBoxes);
  state.on("theme", () => {
    showStep();
    showChosen();
  });
})();
