/* Frames, lines and boxes as elements of SVG. What each is found by goes `into` a map. */

(() => {
  "use strict";

  const { state, make, layout } = Player;

  Player.drawing = { frame: drawFrame, lane: drawLane, node: drawNode, along };

  function drawFrame(frame, into) {
    const made = make(
      "g",
      { class: "frame", "data-id": frame.id },
      make("rect", { x: frame.x, y: frame.y, width: frame.width, height: frame.height, rx: 8 }),
    );
    const title = make(
      "g",
      {
        class: "fold",
        role: "button",
        tabindex: -1,
        "aria-expanded": "true",
        "aria-label": `${frame.title}, close`,
        "data-group": frame.id,
      },
      make("rect", {
        x: frame.x + 4,
        y: frame.y + 3,
        width: frame.titleWidth + 4,
        height: 19,
        rx: 5,
      }),
      sign(frame.x + 14, frame.y + 12.5, false),
      make("text", { x: frame.x + 24, y: frame.y + 16.5, "font-size": 11 }, frame.title),
    );
    made.append(title);
    into.set(frame.id, { all: made, focus: title });
    return made;
  }

  function sign(x, y, isClosed) {
    return make("path", {
      class: "sign",
      d: `M${x - 3.5} ${y}h7${isClosed ? `M${x} ${y - 3.5}v7` : ""}`,
    });
  }

  function drawLane(lane, into) {
    const { first, rest, tip } = lane.curve;
    const points = rest.map((p) => p.map((x) => x.toFixed(1)).join(" "));
    const path = `M${first[0].toFixed(1)} ${first[1].toFixed(1)}C${points.join(" ")}`;
    const before = rest.length > 1 ? rest.at(-2) : first;
    const made = make(
      "g",
      { class: `lane ${lane.kind}` },
      make("path", { d: path, class: "line" }),
      make("path", { d: head(rest.at(-1), tip, before), class: "head" }),
      make("path", { d: head([first[0], first[1]], null, rest[0]), class: "head return" }),
    );
    lane.element = made;
    lane.extent = extent([first, ...rest, tip]);
    for (const arrow of lane.arrows) into.set(arrow.id, lane);
    return made;
  }

  function extent(points) {
    const [x, y] = [0, 1].map((k) => Math.min(...points.map((p) => p[k])));
    const [right, low] = [0, 1].map((k) => Math.max(...points.map((p) => p[k])));
    return { x, y, width: right - x, height: low - y };
  }

  /* The head of an arrow: from the end of its line to the tip; without one, backwards at its start. */
  function head(end, tip, before) {
    const [dx, dy] = tip
      ? [tip[0] - end[0], tip[1] - end[1]]
      : [end[0] - before[0], end[1] - before[1]];
    const length = Math.hypot(dx, dy) || 1;
    const [ux, uy] = Math.hypot(dx, dy) > 0.5 ? [dx / length, dy / length] : [0, 1];
    const at = tip ?? end;
    const base = [at[0] - 7 * ux, at[1] - 7 * uy];
    return (
      `M${at[0].toFixed(1)} ${at[1].toFixed(1)}L${(base[0] - 3 * uy).toFixed(1)} ${(base[1] + 3 * ux).toFixed(1)}` +
      `L${(base[0] + 3 * uy).toFixed(1)} ${(base[1] - 3 * ux).toFixed(1)}Z`
    );
  }

  /* Points along a curve, each with the share of the length up to it: {x, y, share}. */
  function along({ first, rest }) {
    const points = [{ x: first[0], y: first[1], share: 0 }];
    let length = 0;
    for (let i = 0; i + 2 < rest.length; i += 3) {
      const ends = [rest[i - 1] ?? first, ...rest.slice(i, i + 3)];
      for (let t = 1 / 8; t <= 1; t += 1 / 8) {
        const weights = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t ** 2 * (1 - t), t ** 3];
        const [x, y] = [0, 1].map((k) => ends.reduce((sum, p, j) => sum + p[k] * weights[j], 0));
        length += Math.hypot(x - points.at(-1).x, y - points.at(-1).y);
        points.push({ x, y, share: length });
      }
    }
    return points.map(({ x, y, share }) => ({ x, y, share: Math.min(1, share / (length || 1)) }));
  }

  function drawNode(node, into) {
    const kind = node.group ? "closed" : node.box.kind;
    const made = make("g", {
      class: `box ${kind}`,
      transform: `translate(${node.x.toFixed(1)} ${node.y.toFixed(1)})`,
      role: "button",
      tabindex: -1,
      "data-id": node.id,
    });
    made.append(
      make("title", {}, node.group ? `${node.group.title}: open` : node.box.title),
      make("rect", {
        class: "body",
        width: node.width,
        height: node.height,
        rx: /input|parameter|buffer|gradient/.test(kind) ? 12 : 5,
      }),
    );
    if (node.group)
      made.append(
        sign(15, 7 + layout.TITLE / 2 + 1, true),
        make("rect", { class: "stack", x: 4, y: node.height, width: node.width - 8, height: 3 }),
      );
    const { width, height, gap } = layout.THUMB;
    const top =
      7 + layout.TITLE + (node.lines[0]?.role === "shape" ? layout.LINE + layout.GAP : 0) + 4;
    const left = (node.width - node.thumbs.length * (width + gap) + gap) / 2;
    const thumbs = node.thumbs.map((thumb, i) => {
      const place = { x: left + i * (width + gap), y: top, width, height };
      const image = make("image", {
        ...place,
        preserveAspectRatio: "none",
        href: Player.values.thumb(thumb.value),
      });
      const all = make("g", { class: `thumb ${thumb.role}` }, image, make("rect", place));
      made.append(all);
      return { ...thumb, all, image, shown: thumb.value };
    });
    const middle = node.width / 2 + (node.group ? 8 : 0);
    made.append(make("text", { class: "title", x: middle, y: 7 + layout.TITLE - 1 }, node.title));
    const lines = node.lines.map((line, i) => {
      const isUnder = thumbs.length && line.role !== "shape"; // under the thumbs
      const y =
        7 + layout.TITLE + (i + 1) * (layout.LINE + layout.GAP) - 2 + (isUnder ? height + 5 : 0);
      const text = make("text", { class: `line ${line.role}`, x: node.width / 2, y }, line.text);
      made.append(text);
      return { ...line, element: text, shown: line.text };
    });
    const known = new Map((state.data.check ?? []).map((check) => [check.box, check]));
    const check = node.box && known.get(node.id);
    if (check) made.append(badge(check, node.width));
    node.element = made;
    node.extent = node;
    into.set(node.id, { all: made, focus: made, node, lines, thumbs, check, state: "" });
    return made;
  }

  function badge(check, x) {
    const [kind, mark] =
      check.ok == null
        ? ["unknown", "M-3 0h6"]
        : check.ok
          ? ["right", "M-3 0l2 2.5l4 -5"]
          : ["wrong", "M-2.5 -2.5l5 5m0 -5l-5 5"];
    return make(
      "g",
      { class: `badge ${kind}`, transform: `translate(${x - 1} 1)` },
      make("title", {}, Player.panels.checked(check)),
      make("circle", { r: 6.5 }),
      make("path", { d: mark }),
    );
  }
})();
