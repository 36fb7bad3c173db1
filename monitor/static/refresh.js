// Keeps a page that shows what is now current while somebody looks at it, and leaves it alone while
// they select, type, or have something open.
const PERIOD_MS = 5000;

function isBusy(main) {
  const focused = document.activeElement?.closest("main");
  return document.hidden || String(getSelection()) || (focused && focused !== document.activeElement)
    || main.querySelector("details[open]");
}

async function refresh() {
  const main = document.querySelector("main[data-live]");
  if (!main || isBusy(main)) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    main.replaceChildren(...page.querySelector("main").childNodes);
    document.title = page.title;
  } catch {
    main.querySelector(".stale").hidden = false; // the next turn tries again
  }
}

setInterval(refresh, PERIOD_MS);
