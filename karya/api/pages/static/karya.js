// What the pages do beyond forms and links. They work without it, but are not live then.
"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // --- light and dark -------------------------------------------------------------------------------------
  const themes = ["", "light", "dark"];
  const toggle = document.getElementById("theme");
  const showTheme = () => { if (toggle) toggle.textContent = `Theme: ${root.dataset.theme || "auto"}`; };
  if (toggle) {
    toggle.hidden = false;
    showTheme();
    toggle.addEventListener("click", () => {
      const next = themes[(themes.indexOf(root.dataset.theme || "") + 1) % themes.length];
      if (next) root.dataset.theme = next; else delete root.dataset.theme;
      document.querySelector('meta[name="color-scheme"]').content = next || "light dark";
      document.cookie = `karya_theme=${next}; path=/; max-age=${next ? 31536000 : 0}; samesite=lax`;
      showTheme();
      drawAll();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
  }

  // --- charts ---------------------------------------------------------------------------------------------
  const KEPT = 300;
  const points = [];
  const charts = [];
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const specs = [
    { id: "throughput", series: [[1, "--accent", []], [2, "--bad", [5, 4]]] },
    { id: "lag", series: [[3, "--accent", []], [4, "--warn", [5, 4]]] },
  ];
  const columns = (spec) => [points.map((p) => p[0] / 1000), ...spec.series.map(([at]) => points.map((p) => p[at]))];
  const axis = (size) => ({
    stroke: colour("--muted"), size, font: "11px system-ui", ticks: { show: false },
    grid: { stroke: colour("--line"), width: 1 },
  });
  function drawAll() {
    if (!window.uPlot) return;
    charts.splice(0).forEach(({ plot, observer }) => { observer.disconnect(); plot.destroy(); });
    for (const spec of specs) {
      const box = document.getElementById(spec.id);
      if (!box) continue;
      const options = {
        width: box.clientWidth, height: 150, cursor: { show: false }, legend: { show: false }, padding: [8, 8, 0, 0],
        scales: {
          x: { time: true, range: (_, low, high) => [Math.min(low ?? 0, (high ?? 60) - 60), high ?? 60] },
          y: { range: (_, low, high) => [0, Math.max(high ?? 0, 1) * 1.1] },
        },
        axes: [{ ...axis(22), values: (_, ticks) => ticks.map((s) => new Date(s * 1000).toISOString().slice(11, 19)), space: 90 },
               { ...axis(48), values: (_, ticks) => ticks.map((v) => v.toLocaleString("en")) }],
        series: [{}, ...spec.series.map(([, name, dash]) => ({ stroke: colour(name), width: 1.75, dash, points: { show: false } }))],
      };
      const plot = new uPlot(options, columns(spec), box);
      const observer = new ResizeObserver(() => {
        if (box.clientWidth && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: 150 });
      });
      observer.observe(box);
      charts.push({ plot, observer, spec });
    }
  }
  function addPoint(point) {
    if (points.length && points[points.length - 1][0] >= point[0]) return;
    points.push(point);
    if (points.length > KEPT) points.shift();
    charts.forEach(({ plot, spec }) => plot.setData(columns(spec)));
    all("[data-point]").forEach((where) => {
      const value = point[where.dataset.point];
      where.textContent = value === null ? "–" : value.toLocaleString("en", { maximumFractionDigits: 1 });
    });
  }

  // --- what is live ---------------------------------------------------------------------------------------
  const state = document.getElementById("live-state");
  function say(text, name) {
    if (!state) return;
    state.className = `muted live-state ${name}`;
    if (state.textContent !== text) state.textContent = text;
  }
  function zeroes() {
    all(".figures dd").forEach((figure) => figure.classList.toggle("zero", ["0", "–"].includes(figure.textContent.trim())));
  }
  zeroes();
  const overview = document.querySelector("[data-live]");
  if (overview && window.EventSource) {
    drawAll();
    const stream = new EventSource(overview.dataset.live);
    stream.addEventListener("history", (event) => JSON.parse(event.data).forEach(addPoint));
    stream.addEventListener("figures", (event) => {
      const figures = JSON.parse(event.data);
      all("[data-text]").forEach((where) => {
        const text = figures.texts[where.dataset.text];
        if (where.textContent !== text) where.textContent = text;
      });
      // Rendered by the same templates as the page, where everything from users is escaped.
      all("[data-html]").forEach((where) => { where.innerHTML = figures.html[where.dataset.html]; });
      if (figures.point) addPoint(figures.point);
      zeroes();
      say("live", "on");
    });
    stream.addEventListener("away", (event) => say(JSON.parse(event.data), "off"));
    stream.onerror = () => say("the gateway does not answer; trying again", "off");
    addEventListener("pagehide", () => stream.close());
  }

  // --- a job: only what differs is replaced, so that nothing goes away under the pointer or the focus --------
  const job = document.querySelector("[data-job]");
  const said = (part) => part.outerHTML.replace(/(name="key" value=")[^"]*/g, "$1");
  function patch(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const open = new Set(all("details[open][id]", job).map((one) => one.id));
    const focus = job.contains(document.activeElement) ? document.activeElement.id : "";
    const now = [...fresh.content.children];
    const texts = now.map(said);
    const before = [...job.children];
    now.forEach((part, at) => {
      if (!before[at]) job.append(part);
      else if (shown[at] !== texts[at]) before[at].replaceWith(part);
    });
    before.slice(now.length).forEach((part) => part.remove());
    shown = texts;
    open.forEach((id) => { const one = document.getElementById(id); if (one) one.open = true; });
    if (focus && document.activeElement.id !== focus) document.getElementById(focus)?.focus();
    localTitles();
  }
  let shown = job ? [...job.children].map(said) : [];
  if (job && window.EventSource) {
    let pending = false, busy = false;
    async function refresh() {
      pending = true;
      if (busy) return;
      busy = true;
      try {
        while (pending) {
          pending = false;
          const answer = await fetch(job.dataset.part);
          if (answer.ok && !answer.redirected) patch(await answer.text());
        }
      } catch { /* the stream says again when it is back */ } finally { busy = false; }
    }
    let seen = null;
    const stream = new EventSource(job.dataset.job);
    stream.addEventListener("changed", (event) => { if (event.data !== seen) refresh(); seen = event.data; });
    addEventListener("pagehide", () => stream.close());
  }

  // --- forms ----------------------------------------------------------------------------------------------
  document.addEventListener("htmx:afterSettle", () => { markInvalid(); localTitles(); });
  function markInvalid() {
    all("#job-form [aria-describedby]").forEach((field) => {
      const error = document.getElementById(`e-${field.id.slice(2)}`);
      if (error && error.textContent.trim()) {
        field.setAttribute("aria-invalid", "true");
        for (let up = field.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
      } else field.removeAttribute("aria-invalid");
    });
  }
  if (document.querySelector(".notice-bad a[href^='#f-']")) markInvalid();
  const tickAll = document.getElementById("tick-all");
  if (tickAll) tickAll.addEventListener("change", () => all('#letters input[name="id"]').forEach((one) => { one.checked = tickAll.checked; }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.target.closest("input, textarea, select")) {
      const search = document.querySelector('[role="search"] input');
      if (search) { event.preventDefault(); search.focus(); }
    }
    if (event.key === "Escape") all("details.confirm[open]").forEach((one) => { one.open = false; one.querySelector("summary").focus(); });
  });

  // --- times: UTC to read, local to look up ---------------------------------------------------------------
  function localTitles() {
    all("time[datetime]").forEach((one) => {
      if (one.dataset.local) return;
      one.dataset.local = "1";
      const local = new Date(one.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
      one.title = one.title ? `${one.title} UTC, ${local}` : local;
    });
  }
  localTitles();
})();
