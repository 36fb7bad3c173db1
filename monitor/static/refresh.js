// Keeps <main> current while somebody looks at it, and leaves it alone while they select or type.
const PERIOD_MS = 5000;

async function refresh() {
  const busy = document.hidden || String(getSelection()) || document.activeElement?.closest("main");
  if (busy) return;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(page.querySelector("main"));
    document.title = page.title;
  } catch {
    // The server is away: the page says when it was last true, and the next turn tries again.
  }
}

setInterval(refresh, PERIOD_MS);
