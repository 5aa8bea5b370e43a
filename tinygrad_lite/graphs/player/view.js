/* What is seen of the picture: pan by dragging, zoom by wheel, keys or two fingers, fit. */

(() => {
  "use strict";

  const svg = Player.get("canvas");
  const at = { x: 0, y: 0, scale: 1 };
  const size = { width: 1, height: 1 }; // of the picture
  let world = null;

  Player.view = { of, fit, zoom, pan, show, scale: () => at.scale, wasDragged: () => isDrag };

  /* From now on it is of this element. */
  function of(element, width, height) {
    world = element;
    Object.assign(size, { width, height });
    apply();
  }

  function apply() {
    const [x, y, scale] = [at.x.toFixed(2), at.y.toFixed(2), at.scale.toFixed(4)];
    world?.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
  }

  function fit() {
    const { width, height } = svg.getBoundingClientRect();
    const most = Math.min((width - 24) / size.width, (height - 84) / size.height);
    at.scale = Math.max(0.02, Math.min(1.5, most));
    at.x = (width - size.width * at.scale) / 2;
    at.y = (height - 24 - size.height * at.scale) / 2;
    apply();
  }

  /* About a point of the pane, or its middle. */
  function zoom(factor, x = null, y = null) {
    const { width, height } = svg.getBoundingClientRect();
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
    const { width, height } = svg.getBoundingClientRect();
    if (!width) return; // its tab is behind another
    const isWithin = (part, edge, bottom) => {
      const [x, y] = [at.x + part.x * at.scale, at.y + part.y * at.scale];
      const [right, low] = [x + part.width * at.scale, y + part.height * at.scale];
      return x >= edge && y >= edge && right <= width - edge && low <= height - bottom;
    };
    const isAll = isWithin({ x: 0, y: 0, ...size }, 0, 0);
    if (isWithin(node, 8, 48) && (!always || isAll)) return;
    at.x = width / 2 - (node.x + node.width / 2) * at.scale;
    at.y = height / 2 - 20 - (node.y + Math.min(node.height, 200) / 2) * at.scale;
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
