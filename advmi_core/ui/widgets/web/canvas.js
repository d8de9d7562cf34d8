// A square to draw on, white on black; what was drawn goes to the server as a PNG data URL.

const boards = new WeakMap();
const SIDE = 280;

function blank(context) {
  context.fillStyle = "#000";
  context.fillRect(0, 0, SIDE, SIDE);
  Object.assign(context, { strokeStyle: "#fff", lineCap: "round", lineJoin: "round" });
}

function point(canvas, event) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
}

function board(host, send) {
  const root = make("div", { class: "board" }, host);
  const canvas = make("canvas", { width: SIDE, height: SIDE, tabindex: "0", role: "img", "aria-label": "Drawing area: draw with mouse, pen or finger" }, root);
  const tools = make("div", { class: "tools" }, root);
  const width = make("input", { type: "range", min: "8", max: "60", value: "26", "aria-label": "Brush width" });
  const label = make("label", {}, tools, "Brush ");
  label.appendChild(width);
  const clear = make("button", { type: "button" }, tools, "Clear");
  const context = canvas.getContext("2d");
  blank(context);
  let drawing = false;
  canvas.onpointerdown = (event) => {
    drawing = true;
    canvas.setPointerCapture(event.pointerId);
    context.lineWidth = Number(width.value);
    context.beginPath();
    context.moveTo(...point(canvas, event));
    context.lineTo(...point(canvas, event));
    context.stroke();
  };
  canvas.onpointermove = (event) => {
    if (!drawing) return;
    context.lineTo(...point(canvas, event));
    context.stroke();
  };
  canvas.onpointerup = () => {
    drawing = false;
    send(canvas.toDataURL("image/png"));
  };
  clear.onclick = () => {
    blank(context);
    send("");
  };
  return root;
}

export default function ({ parentElement, setStateValue }) {
  if (!boards.has(parentElement)) boards.set(parentElement, board(parentElement, (url) => setStateValue("drawing", url)));
}
