// Charts over time that answer: values under the pointer, a closer look, the window behind a point.
// What the server drew stays where there is no script, no answer, or paper.
import { shown } from "./refresh.js";

const SERIES = {
  evidence: [{ name: "evidence", colour: "--current" }],
  performance: [
    { name: "expected", colour: "--expected", dash: [6, 4] },
    { name: "realised", colour: "--current" },
  ],
  outliers: [{ name: "outliers", colour: "--current" }],
};
const LEAST_EVIDENCE = 0.1;
const CLOSER = 0.5;
const STILL_PX = 4;
const DAY_S = 86400;
const UTC = { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" };

const zoomed = new Map(); // by kind: what a closer look shows, whatever the page is made of by now
let plots = [];

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const figure = (value) => (value === null ? "–" : Number(value.toPrecision(3)).toLocaleString("en"));
const faint = (name) => `color-mix(in srgb, ${colour(name)} 16%, transparent)`;

function column(kind, name, windows) {
  if (kind === "evidence") return windows.map((w) => Math.max(w.evidence, LEAST_EVIDENCE));
  if (kind === "outliers") return windows.map((w) => w.outlier_share === null ? null : 100 * w.outlier_share);
  return windows.map((w) => w[name]);
}

// Times, then every series, then the limits of their intervals, each as long as the windows.
function columns(kind, windows) {
  const times = windows.map((w) => Date.parse(w.end) / 1000);
  const values = SERIES[kind].map((one) => column(kind, one.name, windows));
  if (kind !== "performance") return [times, ...values];
  const limits = SERIES[kind].flatMap((one) => [1, 0].map((side) =>
    windows.map((w) => w[`${one.name}_interval`]?.[side] ?? null)));
  return [times, ...values, ...limits];
}

function said(window) {
  const told = [`${new Date(window.start).toLocaleString("en-GB", UTC)}: ${window.verdict}`,
    `evidence ${figure(window.evidence)} of ${figure(window.threshold)}`];
  if (window.expected !== null) told.push(`expected ${figure(window.expected)}`);
  if (window.realised !== null) told.push(`realised ${figure(window.realised)}`);
  if (window.outlier_share !== null) told.push(`${figure(100 * window.outlier_share)} % outliers`);
  return [...told, `${window.n_rows.toLocaleString("en")} rows`].join(", ");
}

// A line across the plot: where evidence alarms, what the reference was.
function mark(kind, level) {
  return (u) => {
    const y = Math.round(u.valToPos(level, "y", true));
    u.ctx.save();
    u.ctx.strokeStyle = u.ctx.fillStyle = colour(kind === "evidence" ? "--bad" : "--soft");
    u.ctx.lineWidth = 1.5 * devicePixelRatio;
    u.ctx.setLineDash([2, 4].map((length) => length * devicePixelRatio));
    u.ctx.beginPath();
    u.ctx.moveTo(u.bbox.left, y);
    u.ctx.lineTo(u.bbox.left + u.bbox.width, y);
    u.ctx.stroke();
    u.ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
    u.ctx.textAlign = "left";
    const label = kind === "evidence" ? `alarms at ${figure(level)}` : "reference";
    u.ctx.fillText(label, u.bbox.left + 6 * devicePixelRatio, y - 6 * devicePixelRatio);
    u.ctx.restore();
  };
}

// What the server shaded: while an alert fired, in percent of the whole time.
function shade(drawn) {
  const spans = [...drawn.querySelectorAll(".fired")].map((one) =>
    [one.style.left, one.style.width].map((share) => parseFloat(share) / 100));
  return (u) => {
    const [first, last] = [u.data[0][0], u.data[0].at(-1)];
    const place = (share) => Math.min(u.bbox.left + u.bbox.width,
      Math.max(u.bbox.left, u.valToPos(first + share * (last - first), "x", true)));
    u.ctx.save();
    u.ctx.fillStyle = `color-mix(in srgb, ${colour("--bad")} 9%, transparent)`;
    for (const [left, width] of spans) {
      u.ctx.fillRect(place(left), u.bbox.top, Math.max(2, place(left + width) - place(left)), u.bbox.height);
    }
    u.ctx.restore();
  };
}

// Days where they are far enough apart, else times, and the day where it begins.
function moments(u, times, axis, space, step) {
  return times.map((seconds) => {
    const at = new Date(1000 * seconds);
    const isDay = at.getUTCHours() + at.getUTCMinutes() === 0;
    const year = at.getUTCMonth() === 0 && at.getUTCDate() <= 7 ? { year: "numeric" } : {};
    const shown = step >= DAY_S || isDay ? { day: "numeric", month: "short", ...year } : { timeStyle: "short" };
    return at.toLocaleString("en-GB", { ...shown, timeZone: "UTC" });
  });
}

function power(value) {
  if (value < 1e4) return String(value);
  return `10${[...String(Math.round(Math.log10(value)))].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")}`;
}

function powers(u, axis, low, high) {
  const last = Math.floor(Math.log10(high));
  const every = Math.max(1, Math.ceil((last + 1) / 4));
  return Array.from({ length: Math.floor((last + 1) / every) + 1 }, (_, i) => 10 ** (every * i - 1));
}

function options(place, kind, level, tell, drawn) {
  const series = SERIES[kind].map((one) => ({
    label: one.name, stroke: colour(one.colour), dash: one.dash, width: 2, points: { size: 5 },
  }));
  const limits = kind === "performance" ? SERIES[kind].flatMap(() => [{ stroke: "transparent", points: { show: false } },
    { stroke: "transparent", points: { show: false } }]) : [];
  const bands = limits.length
    ? SERIES[kind].map((one, i) => ({ series: [3 + 2 * i, 4 + 2 * i], fill: faint(one.colour) })) : [];
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const high = (max) => 1.08 * Math.max(max ?? 0, level ?? 0) || 1;
  return {
    width: place.clientWidth,
    height: place.dataset.height,
    tzDate: (seconds) => uPlot.tzDate(new Date(1000 * seconds), "Etc/UTC"),
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, dist: STILL_PX, click: () => {} }, focus: { prox: 30 } },
    scales: { y: kind === "evidence"
      ? { distr: 3, range: (_, __, max) => [LEAST_EVIDENCE, 2 * Math.max(max ?? 1, level)] }
      : { range: (_, min, max) => [Math.min(0, min ?? 0), high(max)] } },
    series: [{}, ...series, ...limits],
    bands,
    axes: [{ ...axis, values: moments, space: 70, size: 32 }, kind === "evidence"
      ? { ...axis, size: 52, splits: powers, filter: (_, splits) => splits,
        values: (_, splits) => splits.map(power) }
      : { ...axis, size: 52 }],
    hooks: { drawClear: [shade(drawn)], draw: level === null ? [] : [mark(kind, level)], setCursor: [tell],
      setScale: [(u, key) => key === "x" && remember(kind, u)] },
  };
}

function remember(kind, u) {
  const { min, max } = u.scales.x;
  const whole = min <= u.data[0][0] && max >= u.data[0].at(-1);
  if (whole) zoomed.delete(kind); else zoomed.set(kind, { min, max });
  u.root.closest(".linked").toggleAttribute("data-busy", !whole);
}

function closer(u, factor, at) {
  const { min, max } = u.scales.x;
  const half = ((max - min) * factor) / 2;
  const [first, last] = [u.data[0][0], u.data[0].at(-1)];
  u.setScale("x", { min: Math.max(first, at - half), max: Math.min(last, at + half) });
}

// Arrows go from window to window, Enter opens one, + and - look closer and back, Escape shows all.
function listen(place, u, windows, href) {
  const times = u.data[0];
  const go = (index) => {
    const i = Math.min(windows.length - 1, Math.max(0, index));
    if (times[i] < u.scales.x.min || times[i] > u.scales.x.max) {
      const half = (u.scales.x.max - u.scales.x.min) / 2;
      u.setScale("x", { min: times[i] - half, max: times[i] + half });
    }
    u.setCursor({ left: u.valToPos(times[i], "x"), top: u.over.clientHeight / 2 });
  };
  const open = (index) => location.assign(href(windows[index]));
  const here = () => u.cursor.idx ?? windows.length - 1;
  const keys = {
    ArrowLeft: () => go(here() - 1), ArrowRight: () => go(here() + 1), Home: () => go(0),
    End: () => go(windows.length - 1), Enter: () => open(here()), "+": () => closer(u, CLOSER, times[here()]),
    "-": () => closer(u, 1 / CLOSER, times[here()]),
    Escape: () => u.setScale("x", { min: times[0], max: times.at(-1) }),
  };
  place.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  let pressed = 0;
  u.over.addEventListener("mousedown", (event) => { pressed = event.clientX; });
  u.over.addEventListener("click", (event) => {
    if (Math.abs(event.clientX - pressed) > STILL_PX) return; // a stretch was drawn over
    open(u.posToIdx(event.clientX - u.over.getBoundingClientRect().left));
  });
}

function enhance(linked, windows, address) {
  const drawn = linked.querySelector(".chart");
  const { kind, level } = linked.dataset;
  const place = document.createElement("div");
  const tells = Object.assign(document.createElement("output"), { className: "small soft", textContent: "\u00a0" });
  Object.assign(place, { className: "answering", tabIndex: 0 });
  place.dataset.height = drawn.offsetHeight;
  place.setAttribute("role", "application");
  place.setAttribute("aria-roledescription", "chart");
  place.setAttribute("aria-label", `${drawn.getAttribute("aria-label")} Arrow keys go from window to window, `
    + "Enter opens one, plus and minus look closer and back, Escape shows all.");
  linked.append(place, tells);
  linked.classList.add("enhanced");
  const tell = (u) => {
    const window = u.cursor.idx === null ? null : windows[u.cursor.idx];
    tells.textContent = window ? said(window) : "\u00a0";
  };
  const u = new uPlot(options(place, kind, level ? Number(level) : null, tell, drawn), columns(kind, windows), place);
  if (zoomed.has(kind)) u.setScale("x", zoomed.get(kind));
  listen(place, u, windows, (window) => `${address}?report=${encodeURIComponent(window.report)}`);
  new ResizeObserver(() => u.setSize({ width: place.clientWidth, height: place.dataset.height })).observe(place);
  return u;
}

async function draw() {
  const over = document.querySelector("[data-windows]");
  if (!over) return;
  const answer = await fetch(over.dataset.windows);
  if (!answer.ok || !over.isConnected) return; // what the server drew says the same
  const windows = (await answer.json()).items;
  if (windows.length < 2) return;
  plots = [...over.querySelectorAll(".linked[data-kind]")].map(
    (linked) => enhance(linked, windows, over.dataset.address));
}

function redraw() {
  for (const u of plots) {
    const linked = u.root.closest(".linked");
    u.destroy();
    linked.querySelectorAll(".answering, output").forEach((one) => one.remove());
    linked.classList.remove("enhanced");
  }
  plots = [];
  draw();
}

shown.addEventListener("anew", () => { plots = []; draw(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
draw();
