// A row of small pictures to choose from; every picture is a real button.

const rows = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  if (!rows.has(parentElement)) rows.set(parentElement, make("div", { class: "thumbs", role: "group" }, parentElement));
  const root = rows.get(parentElement);
  markTheme(root, root);
  root.setAttribute("aria-label", data.label);
  root.style.setProperty("--thumb", `${data.size}px`);
  root.classList.toggle("fit", data.columns > 0);
  root.style.setProperty("--columns", data.columns || 1);
  root.replaceChildren();
  data.items.forEach((item, index) => {
    const chosen = index === data.chosen;
    const button = make("button", { type: "button", "aria-pressed": chosen, title: item.alt, class: chosen ? "chosen" : "" }, root);
    make("img", { src: item.src, alt: item.alt }, button);
    if (item.badge) make("span", { class: `badge ${item.tone}` }, button, item.badge);
    if (item.caption) make("span", { class: "caption" }, button, item.caption);
    button.onclick = () => setTriggerValue("picked", item.id);
  });
}
