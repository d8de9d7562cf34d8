// Keeps the address in step with the page's parameters, so that copying it copies them.
export default ({ data }) => {
  const wanted = data.query ? `?${data.query}` : "";
  if (wanted !== window.location.search) {
    window.history.replaceState(window.history.state, "", window.location.pathname + wanted + window.location.hash);
  }
};
