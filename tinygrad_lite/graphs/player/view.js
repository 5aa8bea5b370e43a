/* What is seen of the picture: pan by dragging, zoom by wheel, keys or two fingers, fit. */

(() => {
  "use strict";

  const READABLE = 0.6; // the scale below which letters are too small
  const svg = Player.get("canvas");
  const at = { x: 0, y: 0, scale: 1 };
  const size = { width: 1, height: 1 }; // of the picture
  let world = null;
  let things = []; // boxes and lines: {element, layer, extent}
  let drawn = { x: 0, y: 0, width: 0, height: 0 }; // in which they are in the page

  const wasDragged = () => isDrag;
  Player.view = { of, fit, zoom, pan, show, aim, place, transform, near, put, wasDragged };

  /* From now on it is of this element, which shows a picture, at this place. */
  function of(element, picture, place) {
    world = element;
    size.width = picture.width;
    size.height = picture.height;
    things = [...picture.nodes.values(), ...picture.lanes];
    Object.assign(at, place);
    draw();
    apply();
  }

  function place() {
    return { ...at };
  }

  function apply() {
    world?.setAttribute("transform", transform(at));
    if (world && !contains(drawn, near(at, 0))) draw();
  }

  function transform({ x, y, scale }) {
    return `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${scale.toFixed(4)})`;
  }

  let pane = null; // its place, kept as asking for it makes the browser lay out the page
  new ResizeObserver(() => {
    pane = null;
    apply();
  }).observe(svg);

  function measured() {
    const found = pane ?? svg.getBoundingClientRect();
    pane = found.width ? found : null; // its tab may be behind another
    return found;
  }

  // ---- what is drawn ----------------------------------------------------------------------------

  /* Whatever changes, the browser goes through all that is in the page. So what is farther off than
     the pane's own size is taken out of it, until it comes nearer. What is there keeps its order, in
     which it is read aloud: the last one first, so that each comes before what is after it. */
  function draw() {
    drawn = near(at);
    const after = new Map(); // by layer
    for (const thing of [...things].reverse()) {
      put(thing, drawn, after.get(thing.layer));
      if (thing.element.isConnected) after.set(thing.layer, thing.element);
    }
    Player.state.emit("near");
  }

  function put({ element, layer, extent }, area, before = null) {
    const isIn = meets(extent, area) || element.tabIndex === 0; // where Tab goes to
    if (isIn === element.isConnected) return;
    if (isIn) layer.insertBefore(element, before);
    else element.remove();
  }

  /* What of the picture is in the pane, with so many more panes on each side. */
  function near({ x, y, scale }, more = 1) {
    const { width, height } = measured();
    return {
      x: (-x - more * width) / scale,
      y: (-y - more * height) / scale,
      width: ((1 + 2 * more) * width) / scale,
      height: ((1 + 2 * more) * height) / scale,
    };
  }

  function meets(a, b) {
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    return dx <= a.width && -dx <= b.width && dy <= a.height && -dy <= b.height;
  }

  function contains(a, b) {
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    return dx >= 0 && dy >= 0 && dx + b.width <= a.width && dy + b.height <= a.height;
  }

  // ---- where it is ------------------------------------------------------------------------------

  /* All of it, or what is around the step, if all of it couldn't be read. */
  function fit() {
    Object.assign(at, aim(size, Player.picture.focused(), READABLE));
    apply();
  }

  /* Where a picture is to be: all in sight, if it can be read so; else this node in the middle, at
     this scale. */
  function aim(picture, node, otherwise) {
    const { width, height } = measured();
    const [wide, high] = [(width - 24) / picture.width, (height - 84) / picture.height];
    const scale = Math.min(1.5, wide, high);
    if (scale < READABLE && node) return around(node, otherwise);
    const shown = Math.max(0.02, scale);
    const x = (width - picture.width * shown) / 2;
    const y = (height - 24 - picture.height * shown) / 2;
    return { x, y, scale: shown };
  }

  function around(node, scale) {
    const { width, height } = measured();
    const x = width / 2 - (node.x + node.width / 2) * scale;
    const y = height / 2 - 20 - (node.y + Math.min(node.height, 200) / 2) * scale;
    return { x, y, scale };
  }

  /* About a point of the pane, or its middle. */
  function zoom(factor, x = null, y = null) {
    const { width, height } = measured();
    const [cx, cy] = [x ?? width / 2, y ?? height / 2];
    const scale = Math.max(0.02, Math.min(4, at.scale * factor));
    at.x = cx - ((cx - at.x) * scale) / at.scale;
    at.y = cy - ((cy - at.y) * scale) / at.scale;
    at.scale = scale;
    apply();
  }

  function pan(dx, dy) {
    at.x += dx;
    at.y += dy;
    apply();
  }

  /* Bring a node to the middle if it is out of sight, or always; but not if all is in sight. */
  function show(node, always) {
    const { width, height } = measured();
    if (!width) return; // its tab is behind another
    const isWithin = (part, edge, bottom) => {
      const [x, y] = [at.x + part.x * at.scale, at.y + part.y * at.scale];
      const [right, low] = [x + part.width * at.scale, y + part.height * at.scale];
      return x >= edge && y >= edge && right <= width - edge && low <= height - bottom;
    };
    const isAll = isWithin({ x: 0, y: 0, ...size }, 0, 0);
    if (isWithin(node, 8, 48) && (!always || isAll)) return;
    Object.assign(at, around(node, at.scale));
    apply();
  }

  // ---- by hand ----------------------------------------------------------------------------------

  const fingers = new Map();
  let isDrag = false;
  svg.addEventListener("pointerdown", (event) => {
    if (!fingers.size) isDrag = false;
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  addEventListener("pointermove", (event) => {
    const old = fingers.get(event.pointerId);
    if (!old) return;
    const [dx, dy] = [event.clientX - old[0], event.clientY - old[1]];
    if (!isDrag && Math.hypot(dx, dy) < 5 && fingers.size === 1) return; // a click that trembles
    isDrag = true;
    svg.classList.add("dragged");
    if (fingers.size === 2) {
      const [other] = [...fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
      const { left, top } = svg.getBoundingClientRect();
      const reach = (x, y) => Math.hypot(x - other[0], y - other[1]) || 1;
      zoom(
        reach(event.clientX, event.clientY) / reach(...old),
        (event.clientX + other[0]) / 2 - left,
        (event.clientY + other[1]) / 2 - top,
      );
    }
    pan(dx / fingers.size, dy / fingers.size);
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
  });
  const lifted = (event) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) svg.classList.remove("dragged");
  };
  addEventListener("pointerup", lifted);
  addEventListener("pointercancel", lifted);
  svg.addEventListener(
    "wheel",
    (event) => {
      const { left, top } = svg.getBoundingClientRect();
      event.preventDefault();
      zoom(
        Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) * 0.004),
        event.clientX - left,
        event.clientY - top,
      );
    },
    { passive: false },
  );
})();
