// Streamlit says that the drop zone of an upload is nothing to speak of, and gives it a name all the same: it is a group.
const ZONE = "[data-testid='stFileUploaderDropzone']";

export default () => {
  const mend = () => {
    const zone = document.querySelector(ZONE);
    zone?.setAttribute("role", "group");
    return zone;
  };
  if (mend()) return undefined;
  const watcher = new MutationObserver(() => mend() && watcher.disconnect()); // it is loaded when it is first wanted
  watcher.observe(document.body, { childList: true, subtree: true });
  return () => watcher.disconnect();
};
