// Keeps a page that shows what is now current while somebody looks at it, and leaves it alone while
// they select, type, or have something open, and where nothing has changed.
const PERIOD_MS = 5000;

let last = said(document.querySelector("main"));

export const shown = new EventTarget(); // says "anew" when the page holds what it did not hold before

function isBusy(main) {
  const focused = document.activeElement?.closest("main");
  return document.hidden || String(getSelection()) || (focused && focused !== document.activeElement)
    || main.querySelector("details[open], [data-busy], .answering:hover");
}

function said(main) {
  const copy = main.cloneNode(true);
  copy.querySelector(".asof")?.remove();
  return copy.innerHTML;
}

async function refresh() {
  const main = document.querySelector("main[data-live]");
  if (!main || isBusy(main)) return;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main");
    main.querySelector(".stale").hidden = true;
    if (said(fresh) === last) {
      main.querySelector(".asof")?.replaceWith(fresh.querySelector(".asof"));
      return;
    }
    last = said(fresh);
    main.replaceChildren(...fresh.childNodes);
    document.title = page.title;
    shown.dispatchEvent(new Event("anew"));
  } catch {
    main.querySelector(".stale").hidden = false; // the next turn tries again
  }
}

document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
setInterval(refresh, PERIOD_MS);
