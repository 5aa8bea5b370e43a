/* A value as a person can take it in: a number, a table, or a map of colours; and its statistics. */

(() => {
  "use strict";

  const { state, make } = Player;
  const CELLS = 36; // entries up to which a table is easier to read than colours
  const COLUMNS = 5;
  const VECTOR = 16; // entries of one that is written out, four a row

  Player.values = { card, number, bytes, brief, isMap, thumb };

  /* Four significant digits, no trailing zeros, as in `explain()`. */
  function number(x, digits = 4) {
    if (typeof x === "boolean") return x ? "True" : "False";
    if (typeof x === "string") return x.replace("Infinity", "inf");
    if (x == null) return "–";
    if (!Number.isFinite(x)) return String(x).replace("Infinity", "inf");
    if (Number.isInteger(x) && Math.abs(x) < 1e7) return String(x);
    const size = Math.abs(x);
    if (isTie(size, digits)) x -= Math.sign(x) * size * 1e-9; // to the even digit, as Python does
    if (size !== 0 && (size < 1e-4 || size >= 1e7)) {
      return x
        .toExponential(digits - 1)
        .replace(/\.?0+e/, "e")
        .replace(/e([-+])(\d)$/, "e$10$2");
    }
    return String(Number(x.toPrecision(digits)));
  }

  /* Whether it is halfway between two of so many digits, the lower of them even. */
  function isTie(size, digits) {
    const [said] = size.toExponential(40).replace(".", "").split("e");
    return /[02468]$/.test(said.slice(0, digits)) && /^50*$/.test(said.slice(digits));
  }

  function bytes(count) {
    const units = ["B", "kB", "MB", "GB"];
    let size = count;
    while (size >= 1000 && units.length > 1) {
      size /= 1024;
      units.shift();
    }
    return `${number(size, 3)} ${units[0]}`;
  }

  /* A value in a few words: the number itself, or what it is like. */
  function brief(index) {
    const value = state.values[index];
    if (value.shape.length === 0 && value.entries != null) return number(value.entries);
    const flat = value.entries == null ? null : value.entries.flat(Infinity);
    if (flat && flat.length > 0 && flat.length <= 4)
      return `[${flat.map((x) => number(x)).join(", ")}]`;
    if (!value.stats) return shape(value);
    return isNothingFinite(value) ? "no finite entry" : `mean ${number(value.stats.mean)}`;
  }

  function isNothingFinite(value) {
    return value.stats?.mean === null;
  }

  function shape(value) {
    const said = value.shape.join(", ");
    return value.shape.length === 1
      ? `(${said},)`
      : value.shape.length
        ? `(${said})`
        : "one number";
  }

  /* All that is known of a value, its gradient beside it if that is asked for. */
  function card(index, options = {}) {
    const { role = "", withGradient = false, name = "" } = options;
    const { isAligned = false, isTaken = false } = options;
    const value = state.values[index];
    const isGradient = value.kind === "gradient" || role === "gradient";
    const made = make("section", { class: `card${isGradient ? " of-gradient" : ""}` });
    made.append(
      make(
        "h4",
        {},
        role && role !== "gradient" ? make("span", { class: "role" }, `${role} =`) : null,
        make("span", { class: "name", title: value.name }, name || value.name),
        make("span", { class: "facts" }, `${shape(value)} · ${value.dtype}`),
        isTaken && value.made >= 0 && value.made < state.at ? origin(value) : null,
      ),
    );
    if (!state.isComputed(index)) {
      made.append(make("p", { class: "none" }, "not computed yet"));
      return made;
    }
    made.append(pictureOf(value, isAligned), statistics(value));
    if (withGradient && !isGradient) made.append(gradientOf(index));
    return made;
  }

  /* Where a number comes from: a way there. */
  function origin(value) {
    const link = make(
      "button",
      { type: "button", class: "origin", title: `${value.name} comes from step ${value.made + 1}` },
      `from step ${value.made + 1}`,
    );
    link.addEventListener("click", () => state.go(value.made));
    return link;
  }

  function gradientOf(index) {
    const found = state.gradient(index);
    const name = `∂ ${state.values[index].name}`;
    if (found.state === "complete") return card(found.value, { role: "gradient", name });
    const said = {
      partial: `gradient: ${found.done} of ${found.of} contributions have come, so far ${found.value == null ? "" : brief(found.value)}`,
      pending: "gradient: not computed yet",
      none: `gradient: None${found.why ? `, because ${lowered(found.why)}` : ""}`,
      "not run": `gradient: backward not run${found.why ? `, because ${lowered(found.why)}` : ""}`,
    }[found.state];
    return make("p", { class: "none" }, said.replace(/_grad is off\.$/, "$& None was asked for."));
  }

  function lowered(text) {
    return /^[A-Z][a-z]/.test(text) ? text[0].toLowerCase() + text.slice(1) : text;
  }

  // ---- pictures of numbers ----------------------------------------------------------------------

  function pictureOf(value, isAligned) {
    if (value.entries != null) {
      if (value.shape.length === 0) {
        return make("p", { class: `number${odd(value.entries)}` }, number(value.entries));
      }
      const rows = asRows(value.entries, value.shape);
      const columns = rows[0]?.length ?? 0;
      if (columns === 0) return make("p", { class: "none" }, "no entries");
      if (value.shape.length === 1 && value.entries.length <= VECTOR && !isAligned)
        return table(folded(value.entries), 4);
      if (rows.length * columns <= CELLS && columns <= COLUMNS) return table(rows, columns);
      return heatmap(value, ofEntries(value, rows), isAligned);
    }
    if (value.map) return heatmap(value, ofMap(value.map), isAligned);
    return make("p", { class: "none" }, "too large to show");
  }

  function odd(x) {
    return typeof x === "string" ? " odd" : "";
  }

  /* Entries as rows: the last two axes as they are, a long vector folded. */
  function asRows(entries, shape) {
    if (shape.length > 1) return shape.length === 2 ? entries : entries.flat(shape.length - 2);
    if (entries.length <= COLUMNS) return [entries];
    const width = entries.length <= 32 ? entries.length : Math.ceil(Math.sqrt(2 * entries.length));
    const rows = [];
    for (let i = 0; i < entries.length; i += width) rows.push(entries.slice(i, i + width));
    return rows;
  }

  /* A vector in rows of four; more than five entries have the positions before them. */
  function folded(entries) {
    if (entries.length <= COLUMNS) return [entries];
    const rows = [];
    for (let i = 0; i < entries.length; i += 4)
      rows.push(Object.assign(entries.slice(i, i + 4), { first: i }));
    return rows;
  }

  function table(rows, columns) {
    const body = rows.map((row) =>
      make(
        "tr",
        {},
        row.first == null ? null : make("th", { scope: "row" }, `[${row.first}]`),
        ...row.map((x) => make("td", { class: odd(x).trim() || null }, number(x))),
      ),
    );
    return make(
      "div",
      { class: `scroll${columns > 2 ? " wide" : ""}` },
      make("table", {}, make("tbody", {}, ...body)),
    );
  }

  function ofEntries(value, rows) {
    const columns = Math.max(...rows.map((row) => row.length));
    const flat = rows.flatMap((row) => [...row, ...Array(columns - row.length).fill(null)]);
    const sizes = flat.map(toNumber).filter(Number.isFinite).map(Math.abs);
    const width = value.shape.length === 1 ? columns : null;
    return {
      rows: rows.length,
      columns,
      scale: sizes.length ? Math.max(...sizes) : null,
      at: (i) => toNumber(flat[i]),
      width,
      of: "",
    };
  }

  function toNumber(x) {
    if (x === null) return undefined; // nothing there
    return typeof x === "string" ? Number(x.replace("inf", "Infinity")) : Number(x);
  }

  function ofMap(map) {
    const raw = atob(map.data);
    const at = (i) => {
      const byte = raw.charCodeAt(i);
      const level = byte > 127 ? byte - 256 : byte;
      if (map.scale == null) return level === -128 ? NaN : level * Infinity;
      return level === -128 ? NaN : (level / 127) * map.scale;
    };
    return {
      rows: map.rows,
      columns: map.cols,
      scale: map.scale,
      at,
      width: null,
      of: map.of,
      isRough: true,
    };
  }

  /* Whether it holds more than can be read as a few numbers. */
  function isMap(index) {
    const value = state.values[index];
    if (value.map) return true;
    return (
      value.entries != null && value.shape.length > 0 && value.entries.flat(Infinity).length > 4
    );
  }

  const thumbs = new Map();
  state.on("theme", () => thumbs.clear());

  /* A value as a picture of one pixel an entry. */
  function thumb(index) {
    if (!thumbs.has(index)) {
      const value = state.values[index];
      const map = value.map
        ? ofMap(value.map)
        : value.entries == null
          ? null
          : ofEntries(value, asRows(value.entries, value.shape));
      const canvas = make("canvas", { width: map?.columns || 1, height: map?.rows || 1 });
      if (map?.rows && map.columns) paint(canvas, map);
      thumbs.set(index, canvas.toDataURL());
    }
    return thumbs.get(index);
  }

  function colours() {
    const dark = document.documentElement.dataset.theme === "dark";
    return dark
      ? { low: [77, 163, 245], zero: [28, 32, 39], high: [250, 150, 60], nan: [228, 231, 235] }
      : { low: [22, 92, 178], zero: [255, 255, 255], high: [205, 92, 8], nan: [31, 35, 40] };
  }

  /* Aligned ones are as wide as each other, so that a column stands above its sum. */
  function heatmap(value, map, isAligned = false) {
    const { rows, columns } = map;
    const size = Math.max(1, Math.floor(Math.min(300 / columns, 190 / rows, 16)));
    const least = Math.min(16, Math.floor(120 / columns)); // where rows are many, columns are wide
    const across = isAligned ? Math.max(1, Math.floor(260 / columns)) : Math.max(size, least);
    const wide = columns * across;
    const high = isAligned ? Math.max(14, Math.min(100, rows * 12)) : rows * size;
    const canvas = make("canvas", {
      width: columns,
      height: rows,
      tabindex: 0,
      role: "img",
      "aria-label": `Map of ${value.name}, ${rows} by ${columns}; arrow keys go from entry to entry, Escape leaves`,
      style: `width:${wide}px;aspect-ratio:${wide}/${high}`,
    });
    paint(canvas, map);
    const said = make("p", { class: "entry", role: "status" });
    const spot = make("i", { class: "spot", hidden: true });
    const cells = map.of.replace(/^means of/, "a cell is the mean of");
    const legend = make(
      "p",
      { class: "scale" },
      ...scaleOf(value, map),
      value.stats?.nan ? make("span", { class: "nans" }, `■ ${value.stats.nan} NaN`) : null,
      cells ? make("span", { class: "of" }, cells) : null,
    );
    const rest = () => {
      said.textContent = "";
      spot.hidden = true;
    };
    const tell = (row, column) => {
      const x = map.at(row * columns + column);
      if (x === undefined) return rest();
      const where = map.width ? `[${row * map.width + column}]` : `[${row}, ${column}]`;
      const what = number(x, map.isRough ? 2 : 4);
      said.textContent = `${map.of ? "tile " : ""}${where} ${map.isRough && Number.isFinite(x) ? "≈" : "="} ${what}`;
      spot.hidden = false;
      spot.style.left = `${(column / columns) * 100}%`;
      spot.style.top = `${(row / rows) * 100}%`;
      spot.style.width = `${100 / columns}%`;
      spot.style.height = `${100 / rows}%`;
    };
    listen(canvas, rows, columns, tell, rest);
    return make(
      "div",
      { class: `map${wide > 130 ? " wide" : ""}` },
      make("div", { class: "ground" }, canvas, spot),
      make("div", { class: "under" }, legend, said),
    );
  }

  function scaleOf(value, map) {
    if (map.scale == null)
      return [make("span", {}, isNothingFinite(value) ? "no finite entry" : "no finite mean")];
    const [least, most] = [-map.scale, map.scale].map((end) => make("span", {}, number(end)));
    return [least, make("i"), most];
  }

  function paint(canvas, map) {
    const pen = canvas.getContext("2d");
    const image = pen.createImageData(map.columns, map.rows);
    const { low, zero, high, nan } = colours();
    for (let i = 0; i < map.rows * map.columns; i += 1) {
      const x = map.at(i);
      if (x === undefined) continue;
      const part = x ? Math.max(-1, Math.min(1, x / (map.scale || 1))) : 0;
      const end = part < 0 ? low : high;
      const share = Math.abs(part) ** 0.75; // small ones are seen, too
      const rgb = Number.isNaN(x) ? nan : zero.map((z, k) => z + (end[k] - z) * share);
      image.data.set([...rgb, 255], 4 * i);
    }
    pen.putImageData(image, 0, 0);
  }

  function listen(canvas, rows, columns, tell, rest) {
    let row = 0,
      column = 0;
    canvas.addEventListener("pointermove", (event) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      row = Math.max(0, Math.min(rows - 1, Math.floor(((event.clientY - top) / height) * rows)));
      column = Math.max(
        0,
        Math.min(columns - 1, Math.floor(((event.clientX - left) / width) * columns)),
      );
      tell(row, column);
    });
    canvas.addEventListener("pointerleave", rest);
    canvas.addEventListener("focus", () => {
      if (canvas.matches(":focus-visible")) tell(row, column);
    });
    canvas.addEventListener("blur", rest);
    canvas.addEventListener("keydown", (event) => {
      const [down, right] =
        { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[
          event.key
        ] ?? [];
      if (event.key === "Escape") canvas.blur();
      if (down === undefined) return;
      row = Math.max(0, Math.min(rows - 1, row + down));
      column = Math.max(0, Math.min(columns - 1, column + right));
      tell(row, column);
      event.preventDefault();
      event.stopPropagation(); // else it would be a step
    });
  }

  function statistics(value) {
    const { stats } = value;
    const count = value.shape.reduce((a, b) => a * b, 1);
    if (!stats || count < 2) return "";
    if (stats.min === stats.max && !stats.nan && !stats.inf && stats.min != null)
      return make("p", { class: "none" }, `each entry is ${number(stats.min)}`);
    const finite = count - stats.nan - stats.inf;
    const said = [];
    if (finite && finite < count)
      said.push(["of the", finite === 1 ? "one finite entry" : `${finite} finite entries`]);
    if (!isNothingFinite(value)) {
      said.push(["mean", number(stats.mean)], ["deviation", number(stats.std)]);
      said.push(["least", number(stats.min)], ["most", number(stats.max)]);
    }
    if (stats.zeros) said.push(["zeros", `${number(stats.zeros * 100, 2)} %`]);
    if (stats.nan) said.push(["NaN", stats.nan]);
    if (stats.inf) said.push(["infinite", stats.inf]);
    return make(
      "dl",
      {},
      ...said.map(([name, x]) =>
        make(
          "div",
          { class: name === "NaN" || name === "infinite" ? "odd" : null },
          make("dt", {}, name),
          make("dd", {}, String(x)),
        ),
      ),
    );
  }
})();
