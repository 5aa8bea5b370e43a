/* Where everything stands: boxes at the present collapse, sizes of their texts, and Graphviz, which
   places them. Graphviz is told ids and sizes only, so that no name can mean anything to it. */

(() => {
  "use strict";

  const { state, make, cut } = Player;
  const FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif";
  const TITLE = 12,
    LINE = 10,
    GAP = 4; // pixels: sizes of letters, and between lines
  const THUMB = { width: 40, height: 22, gap: 7 }; // a small map of what a box holds
  const SHOWN = new Set(["shape", "dtype", "memory", "value", "gradient", "rule", "note"]);
  const FACTS = new Set(["shape", "dtype", "memory"]);

  Player.layout = { place, TITLE, LINE, GAP, THUMB };

  /* The picture at the present collapse: {nodes, frames, lanes, width, height}. */
  async function place() {
    const picture = visible();
    const placed = await placedByGraphviz(picture);
    return placed ?? placedInAColumn(picture);
  }

  // ---- what is to be seen -----------------------------------------------------------------------

  function visible() {
    const nodes = new Map();
    const frames = new Map();
    for (const group of state.data.diagram.groups) {
      const chain = state.ancestors(group.parent);
      if (chain.some((id) => state.closed.has(id))) continue;
      if (state.closed.has(group.id)) nodes.set(group.id, closedGroup(group));
      else
        frames.set(group.id, { id: group.id, group, parent: group.parent, ...titled(group, 70) });
    }
    for (const box of state.boxes.values()) {
      const id = state.shownAs(box.id);
      if (id === box.id) nodes.set(id, node(box));
      nodes.get(id)?.members.push(box);
    }
    for (const made of nodes.values()) {
      if (!made.group) continue;
      const n = made.members.length;
      made.lines = [{ role: "note", text: `${n} box${n === 1 ? "" : "es"}` }];
      measure(made);
    }
    return { nodes, frames, lanes: lanes(nodes) };
  }

  function node(box) {
    const facts = box.lines.filter(([role]) => FACTS.has(role)).map(([, text]) => text);
    const lines = facts.length ? [{ role: "shape", text: cut(facts.join(" · "), 44) }] : [];
    const thumbs = thumbsOf(box);
    for (const [role, text] of box.lines) {
      if (!SHOWN.has(role) || FACTS.has(role) || thumbs.some((thumb) => thumb.role === role))
        continue;
      lines.push({ role, text: cut(role === "note" ? text : text.split(" · ")[0], 40) });
    }
    const made = {
      id: box.id,
      box,
      title: cut(box.title, 40),
      lines,
      thumbs,
      parent: box.group,
      members: [],
    };
    return measure(made);
  }

  /* What holds more numbers than can be read shows them as colours. */
  function thumbsOf(box) {
    const isMap = (index) => index != null && Player.values.isMap(index);
    const gradient = box.value == null ? null : state.values[box.value].gradient;
    const thumbs = isMap(box.value) ? [{ role: "value", value: box.value }] : [];
    if (isMap(gradient)) thumbs.push({ role: "gradient", value: gradient });
    return thumbs;
  }

  function closedGroup(group) {
    return {
      id: group.id,
      group,
      ...titled(group, 44),
      lines: [],
      thumbs: [],
      parent: group.parent,
      members: [],
    };
  }

  function titled(group, most) {
    const times = group.times > 1 ? ` ×${group.times}` : "";
    const title = cut(group.title, most) + times;
    return { title, titleWidth: widthOf(title, 11) + 22 };
  }

  const pen = make("canvas").getContext("2d");

  function widthOf(text, size) {
    pen.font = `${size}px ${FONT}`;
    return pen.measureText(text).width;
  }

  function measure(made) {
    const sign = made.group ? 16 : 0;
    const widths = made.lines.map((line) => widthOf(line.text, LINE));
    const row = made.thumbs.length * (THUMB.width + THUMB.gap) - THUMB.gap;
    made.width = Math.ceil(Math.max(34, row, sign + widthOf(made.title, TITLE), ...widths) + 20);
    made.height = TITLE + made.lines.length * (LINE + GAP) + 14;
    if (made.thumbs.length) made.height += THUMB.height + 5;
    return made;
  }

  /* Lines between boxes. A gradient goes back along the line on which the data came, so that both
     share one; lines to a closed group are merged. */
  function lanes(nodes) {
    const found = new Map(); // "source>target" -> lanes
    const given = new Map(); // how many gradients were given a lane there
    const { arrows } = state.data.diagram;
    const lane = (source, target, kind) => {
      const key = `${source}>${target}`;
      if (!found.has(key)) found.set(key, []);
      const made = { id: "", source, target, kind, arrows: [] };
      found.get(key).push(made);
      return made;
    };
    for (const back of [false, true]) {
      for (const arrow of arrows) {
        if ((arrow.kind === "backward") !== back) continue;
        const ends = [state.shownAs(arrow.source), state.shownAs(arrow.target)];
        const [source, target] = back ? ends.reverse() : ends;
        if (source === target || !nodes.has(source) || !nodes.has(target)) continue;
        const between = found.get(`${source}>${target}`) ?? [];
        const isMerged = nodes.get(source).group || nodes.get(target).group;
        let taken = isMerged ? between[0] : null;
        if (back && !taken) {
          const key = `${source}>${target}`;
          const k = given.get(key) ?? 0;
          given.set(key, k + 1);
          taken = between[Math.min(k, between.length - 1)];
        }
        taken ??= lane(source, target, arrow.kind);
        taken.arrows.push(arrow);
        if (taken.kind === "update" && arrow.kind === "forward") taken.kind = "forward";
      }
    }
    const all = [...found.values()].flat();
    all.forEach((made, i) => {
      made.id = `e${i}`;
    });
    return all;
  }

  // ---- Graphviz ---------------------------------------------------------------------------------

  function dot(picture, splines) {
    const inches = (x) => (x / 72).toFixed(3);
    const lines = [
      `digraph { graph [rankdir=TB nodesep=0.28 ranksep=0.55 splines=${splines} pad=0]`,
      '  node [shape=box fixedsize=true label=""]',
      "  edge [arrowsize=0.6]",
    ];
    const children = new Map();
    for (const part of [...picture.frames.values(), ...picture.nodes.values()]) {
      const around = picture.frames.has(part.parent) ? part.parent : null;
      if (!children.has(around)) children.set(around, []);
      children.get(around).push(part);
    }
    const within = (around) => {
      for (const part of children.get(around) ?? []) {
        if (picture.nodes.has(part.id)) {
          lines.push(`${part.id} [width=${inches(part.width)} height=${inches(part.height)}]`);
          continue;
        }
        if (!children.has(part.id)) continue;
        const cell = `<td fixedsize="true" width="${Math.ceil(part.titleWidth)}" height="12"></td>`;
        lines.push(
          `subgraph cluster_${part.id} { graph [margin=9 labeljust=l` +
            ` label=<<table border="0" cellspacing="0" cellpadding="0"><tr>${cell}</tr></table>>]`,
        );
        within(part.id);
        lines.push("}");
      }
    };
    within(null);
    for (const lane of picture.lanes) {
      const free = lane.kind === "repeat" ? " constraint=false" : "";
      lines.push(`${lane.source} -> ${lane.target} [id=${lane.id}${free}]`);
    }
    return [...lines, "}"].join("\n");
  }

  async function placedByGraphviz(picture) {
    for (const splines of ["true", "polyline", "line"]) {
      try {
        return read(JSON.parse(await engine(dot(picture, splines))), picture);
      } catch {
        // Graphviz gives up on some graphs; on fewer with simpler lines
      }
    }
    return null;
  }

  function read(found, picture) {
    const [, , width, height] = found.bb.split(",").map(Number);
    const up = (y) => height - y;
    for (const thing of found.objects ?? []) {
      if (thing.name.startsWith("cluster_")) {
        const frame = picture.frames.get(thing.name.slice(8));
        const [left, bottom, right, top] = thing.bb.split(",").map(Number);
        Object.assign(frame, { x: left, y: up(top), width: right - left, height: top - bottom });
      } else {
        const made = picture.nodes.get(thing.name);
        const [x, y] = thing.pos.split(",").map(Number);
        Object.assign(made, { x: x - made.width / 2, y: up(y) - made.height / 2 });
      }
    }
    const lanesById = new Map(picture.lanes.map((lane) => [lane.id, lane]));
    for (const edge of found.edges ?? []) {
      const points = edge.pos.split(" ");
      const end = points[0].startsWith("e,") ? points.shift().slice(2) : null;
      const [first, ...rest] = points
        .map((p) => p.split(",").map(Number))
        .map(([x, y]) => [x, up(y)]);
      const tip = end ? end.split(",").map(Number) : rest.at(-1);
      lanesById.get(edge.id).curve = { first, rest, tip: end ? [tip[0], up(tip[1])] : tip };
    }
    picture.lanes = picture.lanes.filter((lane) => lane.curve);
    return Object.assign(picture, { width, height });
  }

  /* Where Graphviz isn't to be had: all in order, one under the other. */
  function placedInAColumn(picture) {
    let y = 0;
    const width = Math.max(...[...picture.nodes.values()].map((made) => made.width));
    for (const made of picture.nodes.values()) {
      Object.assign(made, { x: (width - made.width) / 2, y });
      y += made.height + 36;
    }
    picture.frames.clear();
    for (const lane of picture.lanes) {
      const [a, b] = [picture.nodes.get(lane.source), picture.nodes.get(lane.target)];
      const first = [width / 2, a.y + a.height];
      const tip = [width / 2, b.y];
      const aside = b.y - first[1] > 40 ? width : width / 2;
      lane.curve = { first, rest: [[aside, first[1] + 16], [aside, tip[1] - 16], tip], tip };
    }
    return Object.assign(picture, { width, height: y });
  }

  // ---- the engine, in a thread of its own -------------------------------------------------------

  const LISTEN = `;
    const ready = Viz.instance();
    onmessage = ({ data }) => ready.then((viz) => {
      postMessage({ id: data.id, made: viz.renderString(data.dot, { format: "json0" }) });
    }).catch((error) => postMessage({ id: data.id, error: String(error) }));`;
  let worker = null;
  let isHere = false; // whether it runs in this thread, as no other can be had
  let count = 0;
  const pending = new Map();

  begin(); // it makes itself ready while the rest of the page does

  function engine(text) {
    return new Promise((resolve, reject) => {
      count += 1;
      pending.set(count, { text, resolve, reject });
      send(count);
    });
  }

  function send(id) {
    begin();
    if (isHere) runHere(id);
    else worker.postMessage({ id, dot: pending.get(id).text });
  }

  function begin() {
    try {
      if (!isHere) worker ??= started();
    } catch {
      isHere = true;
    }
  }

  function started() {
    const parts = [Player.get("engine").textContent, LISTEN];
    const made = new Worker(URL.createObjectURL(new Blob(parts, { type: "text/javascript" })));
    made.onmessage = ({ data }) => {
      const { resolve, reject } = pending.get(data.id) ?? {};
      pending.delete(data.id);
      if (!data.error) {
        resolve?.(data.made);
        return;
      }
      made.terminate(); // what it failed on may have left it in disorder
      worker = null;
      reject?.(new Error(data.error));
    };
    made.onerror = (event) => {
      // a frame that allows no workers
      event.preventDefault();
      isHere = true;
      [...pending.keys()].forEach(runHere);
    };
    return made;
  }

  function runHere(id) {
    const { text, resolve, reject } = pending.get(id);
    pending.delete(id);
    setTimeout(() => {
      // so that what was asked before is drawn first
      if (!globalThis.Viz) {
        document.head.append(make("script", {}, Player.get("engine").textContent));
      }
      globalThis.Viz.instance()
        .then((viz) => viz.renderString(text, { format: "json0" }))
        .then(resolve, reject);
    });
  }
})();
