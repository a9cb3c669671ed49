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
  const ends = () => (points.length ? [points[0][0], points[points.length - 1][0]] : [Date.now(), Date.now()]).map((ms) => ms / 1000);
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
          x: { time: true, range: () => { const [first, last] = ends(); return [Math.min(first, last - 60), last]; } }, // a single point would span a day
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
      const first = document.getElementById("first-job");
      if (first) first.hidden = !figures.empty;
      if (figures.point) addPoint(figures.point);
      zeroes();
      say("live", "on");
    });
    stream.addEventListener("away", (event) => say(JSON.parse(event.data), "off"));
    stream.onerror = () => say("the gateway does not answer; trying again", "off");
    addEventListener("pagehide", () => stream.close());
  }

  // --- a job or a task: only what differs is changed, so that nothing goes away under the pointer or the focus
  const watched = document.querySelector("[data-watch]");
  const REST = 250, POLL = 5000;
  const kept = {
    beforeNodeMorphed: (old, fresh) => !(fresh.dataset && "same" in fresh.dataset) && !(old.tagName === "INPUT" && old.name === "key"),
    beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS") && !(name === "title" && node.tagName === "TIME"),
  };
  if (watched && window.EventSource) {
    let wish = null, busy = false, polling = null;
    async function refresh(extent) {
      wish = wish === "whole" ? wish : extent;
      if (busy) return;
      busy = true;
      try {
        while (wish) {
          const part = new URL(watched.dataset.part, location);
          part.searchParams.set("extent", wish);
          wish = null;
          const answer = await fetch(part);
          if (!answer.ok || answer.redirected) break;
          Idiomorph.morph(watched, await answer.text(), { morphStyle: "innerHTML", callbacks: kept });
          localTitles();
          await new Promise((done) => setTimeout(done, REST));
        }
      } catch { /* the stream says when the gateway is back, and until then the next poll tries */ } finally { busy = false; wish = null; }
    }
    function poll(on) {
      if (on && !polling) polling = setInterval(() => refresh("whole"), POLL);
      if (!on && polling) polling = clearInterval(polling);
    }
    let whole = null;
    const stream = new EventSource(watched.dataset.watch);
    stream.onopen = () => { whole = null; };
    stream.addEventListener("changed", (event) => {
      const news = JSON.parse(event.data);
      poll(false);
      say("live", "on");
      refresh(news.whole === whole ? "part" : "whole");
      whole = news.whole;
    });
    stream.addEventListener("away", (event) => { poll(true); say(`${JSON.parse(event.data)}; looking every 5 s`, "off"); });
    stream.onerror = () => { poll(true); say("not live; looking every 5 s", "off"); };
    setTimeout(() => { if (!state.classList.contains("on")) poll(true); }, POLL);
    addEventListener("pagehide", () => stream.close());
  }

  // --- a list in which boxes may be ticked: it stays as it is, and beside it stands how many are not in it ---
  const fresh = document.querySelector("[data-news]");
  if (fresh && window.EventSource) {
    let wished = false, asking = false;
    async function count() {
      wished = true;
      if (asking || document.hidden) return;
      asking = true;
      try {
        while (wished) {
          wished = false;
          const answer = await fetch(fresh.dataset.count);
          if (!answer.ok || answer.redirected) break;
          const said = await answer.text();
          fresh.hidden = !said;
          put(fresh.firstElementChild, said && `${said}: show`);
        }
      } catch { /* the next message asks again */ } finally { asking = false; }
    }
    const stream = new EventSource(fresh.dataset.news);
    stream.addEventListener("changed", () => { say("live", "on"); count(); });
    stream.addEventListener("away", (event) => say(JSON.parse(event.data), "off"));
    stream.onerror = () => say("not live", "off");
    document.addEventListener("visibilitychange", () => { if (wished) count(); });
    addEventListener("pagehide", () => stream.close());
  }

  // --- a list that is looked at again while somebody sees it ------------------------------------------------
  const again = document.querySelector("[data-again]");
  if (again) setInterval(async () => {
    const list = document.getElementById(again.id);
    if (document.hidden || list.matches(":hover, :focus-within") || getSelection().toString()) return;
    const asked = location.href;
    try {
      const answer = await fetch(asked, { headers: { accept: "text/html" } });
      if (!answer.ok || answer.redirected || asked !== location.href) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(again.id);
      if (fresh) { Idiomorph.morph(list, fresh, { callbacks: kept }); localTitles(); }
    } catch { /* the next look tells */ }
  }, Number(again.dataset.again));

  // --- forms ----------------------------------------------------------------------------------------------
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "preview") spread();
    markInvalid();
    localTitles();
  });
  function spread() { // what the preview found wrong, to the fields that it is about
    const found = {};
    all("#preview [data-at]").forEach((one) => { found[one.dataset.at] = one.querySelector("span").textContent; });
    all("#job-form .error").forEach((one) => put(one, found[one.id] || ""));
  }
  function markInvalid() {
    all("#job-form [aria-describedby]").forEach((field) => {
      const error = document.getElementById(`e-${field.id.slice(2)}`);
      if (error && error.textContent.trim()) {
        field.setAttribute("aria-invalid", "true");
        for (let up = field.closest("details"); up; up = up.parentElement.closest("details")) up.open = true;
      } else field.removeAttribute("aria-invalid");
    });
  }
  if (document.querySelector(".notice-bad a[href^='#']")) markInvalid();
  const zones = document.getElementById("zones");
  if (zones && Intl.supportedValuesOf) {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const zone of new Set(["UTC", here, ...Intl.supportedValuesOf("timeZone")])) zones.append(new Option(zone, zone));
  }
  const tickAll = document.getElementById("tick-all");
  if (tickAll) tickAll.addEventListener("change", () => all('#letters input[name="id"]').forEach((one) => { one.checked = tickAll.checked; }));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.target.closest("input, textarea, select")) {
      const search = document.querySelector('[role="search"] input');
      if (search) { event.preventDefault(); search.focus(); }
    }
    if (event.key === "Escape") all("details.confirm[open]").forEach((one) => { one.open = false; one.querySelector("summary").focus(); });
  });

  for (const kind of ["click", "focusin"]) document.addEventListener(kind, (event) => {
    all("details.confirm[open]").forEach((one) => { if (!one.contains(event.target)) one.open = false; });
  });

  // --- what passes with time: as `span` and `ago` of the server write it ----------------------------------
  const ahead = new Date(root.dataset.now) - Date.now(); // of this machine's clock, if by more than the page took to come
  const clock = () => Date.now() + (Math.abs(ahead) > 3000 ? ahead : 0);
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  function span(seconds) {
    const parts = [];
    for (const [size, unit] of UNITS) {
      const count = Math.floor(seconds / size);
      seconds -= count * size;
      if (count && parts.length < 2) parts.push(`${count} ${unit}`);
    }
    return parts.join(" ");
  }
  function ago(at) {
    const away = (at - clock()) / 1000, rough = span(Math.round(Math.abs(away)));
    return Math.abs(away) < 1 || !rough ? "now" : away > 0 ? `in ${rough}` : `${rough} ago`;
  }
  const put = (where, text) => { if (where.textContent !== text) where.textContent = text; };
  const utc = document.getElementById("clock");
  setInterval(() => {
    if (utc) put(utc, new Date(clock()).toISOString().slice(11, 19));
    all("[data-away]").forEach((one) => put(one, ago(new Date(one.dataset.away))));
    all("[data-since]").forEach((one) => put(one, span(Math.max(1, Math.round((clock() - new Date(one.dataset.since)) / 1000)))));
  }, 1000);

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
