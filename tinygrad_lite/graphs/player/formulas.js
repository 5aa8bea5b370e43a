/* A step in symbols: its rule, what the signs in it stand for, and the sum that a gradient is. */

(() => {
  "use strict";

  const { state, make, values } = Player;
  const { isFitted } = state;

  const SIGNS = [
    [".mT", "with rows and columns swapped"],
    ["softmax", "shares that add up to 1, row by row"],
    ["one_hot", "1 at the true class, else 0"],
    ["[..., None]", "with one more axis"],
  ];

  Player.formulas = { formulas, isFitted, sum };

  /* Whether it fits what a rule gave to the input, and has no rule itself. */
  function formulas(step) {
    const isRule = step.kind === "rule" || (step.kind === "contribution" && !isFitted(step));
    const parts = [];
    if (step.symbols)
      parts.push(
        make("dt", {}, isRule ? "rule" : "symbols"),
        make("dd", { class: "symbols" }, step.symbols),
      );
    const numbers = step.numbers
      .replace(/(^| · )mean \S+ · largest size \S+$/, "") // which the cards say, too
      .replace(/^(.+) [=≈] \1$/, "$1");
    if (numbers && !/^\([\d, ]*\)$/.test(numbers))
      parts.push(make("dt", {}, "numbers"), make("dd", {}, numbers));
    const keys = isRule && step.phase === "backward" ? signs(step) : [];
    const terms = keys.flatMap(([sign, said]) => [make("dt", {}, sign), make("dd", {}, said)]);
    return parts.length
      ? make(
          "div",
          { class: `formulas ${step.phase}` },
          make("dl", {}, ...parts),
          terms.length ? make("dl", { class: "signs" }, ...terms) : null,
        )
      : null;
  }

  /* What the signs of a rule stand for. */
  function signs(step) {
    const found = [];
    const g = step.takes.length ? state.values[step.takes[0]].name : "";
    const [of, by, ...more] = g.split("/∂");
    if (by && !more.length && /(?<![\p{L}\w.])g(?![\p{L}\w])/u.test(step.symbols)) {
      const result = Player.cut(of.slice(1), 40);
      const said = `how fast ${result} changes with ${Player.cut(by, 40)}`;
      found.push(["g", by === of.slice(1) ? "the gradient that the way back began with" : said]);
    }
    found.push(...SIGNS.filter(([sign]) => step.symbols.includes(sign)));
    const compared = / (==|!=|<=|>=|<|>) /.exec(step.symbols);
    if (compared) found.push([`… ${compared[1]} …`, "1 where that holds, else 0"]);
    return found;
  }

  /* The contributions to one gradient as a sum, the present one marked, those to come pale. */
  function sum(step) {
    const all = state.sumOf(state.at);
    const near =
      all.length <= 12
        ? all
        : all.filter(
            (i, k) =>
              k < 2 ||
              k > all.length - 2 ||
              Math.abs(i - state.at) < 1 ||
              Math.abs(k - all.indexOf(state.at)) < 4,
          );
    const rows = [];
    const titles = all.map((i) => state.steps[i].title);
    let before = -1;
    for (const i of near) {
      const other = state.steps[i];
      const k = all.indexOf(i);
      if (k > before + 1)
        rows.push(
          make("tr", {}, make("td", {}), make("td", { colspan: 2 }, `… ${k - before - 1} more`)),
        );
      before = k;
      const isDone = i <= state.at;
      const link = make(
        "button",
        { type: "button", "aria-label": `Step ${other.number}: ${Player.cut(other.title, 40)}` },
        Player.cut(other.title, 40),
        titles.indexOf(other.title) === titles.lastIndexOf(other.title)
          ? null
          : make("span", { class: "which" }, ` ${nth(titles, k)}`),
      );
      link.addEventListener("click", () => state.go(i));
      rows.push(
        make(
          "tr",
          { class: i === state.at ? "now" : isDone ? null : "todo" },
          make("td", {}, k ? "+" : ""),
          make("td", {}, link),
          make(
            "td",
            { class: "amount" },
            isDone ? values.brief(other.sum.contribution) : "to come",
          ),
        ),
      );
    }
    const isAll = step.sum.earlier + 1 === step.sum.of;
    rows.push(
      make(
        "tr",
        { class: "total" },
        make("td", {}, "="),
        make("td", {}, isAll ? "complete" : "so far"),
        make("td", { class: "amount" }, values.brief(step.sum.total)),
      ),
    );
    const to = Player.cut(step.to ?? "", 40);
    const uses = step.sum.of === 2 ? "twice" : `${step.sum.of} times`;
    return make(
      "section",
      { class: "sum" },
      make("h3", {}, `∂ ${to} is a sum: ${to} was used ${uses}, and the effects add up`),
      make("table", {}, make("tbody", {}, ...rows)),
    );
  }

  /* The first, second, … of those with the same title. */
  function nth(titles, k) {
    const n = titles.slice(0, k + 1).filter((title) => title === titles[k]).length;
    return `(${n}${{ 1: "st", 2: "nd", 3: "rd" }[n] ?? "th"})`;
  }
})();
