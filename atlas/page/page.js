/* What the page does in a browser: fills charts and tables from the data inlined above, and answers to a reader.
 * Every word from the data enters as text, never as markup; a link only where its address begins with http. */
"use strict";
(() => {
  const { data, charts, text, colours } = JSON.parse(document.getElementById("payload").textContent);
  const root = document.documentElement;
  const byId = (list, key = "id") => new Map(list.map((row) => [row[key], row]));
  const cities = byId(data.cities), segments = byId(data.segments), instruments = byId(data.instruments), policies = byId(data.policies), plants = byId(data.plants), provinces = byId(data.provinces);
  const NOW = data.meta.newest_year;
  /* an undated conversion cannot be older than production for the market (dbt macro first_ev_year) */
  const FIRST_EV = data.meta.first_ev_year;
  const $ = (id) => document.getElementById(id);
  const state = { year: NOW, colour: "powertrain", city: "340100", sort: "n_ev_plants", down: true, asked: "all", lang: "en" };

  // ---- words ----------------------------------------------------------------------------------------------------
  const t = (key, lang = state.lang) => (text[key] ? text[key][lang === "zh" ? 1 : 0] : key.replace(/^[a-z]+\./, "").replaceAll("_", " "));
  const name = (row, lang = state.lang) => (lang === "zh" ? row.zh || row.en : row.en || row.zh) || row.id || "";
  function el(tag, options = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(options)) {
      if (value === undefined || value === null || value === false) continue;
      if (key === "on") for (const [event, run] of Object.entries(value)) node.addEventListener(event, run);
      else if (key === "class") node.className = value;
      else node.setAttribute(key, value === true ? "" : value);
    }
    for (const child of children.flat(9)) if (child !== null && child !== undefined && child !== "") node.append(child);
    return node;
  }
  const two = (en, zh) => [el("span", { lang: "en" }, en), el("span", { lang: "zh" }, zh)];
  const tt = (key) => two(t(key, "en"), t(key, "zh"));
  const nn = (row) => (row ? two(name(row, "en"), name(row, "zh")) : "–");
  const both = (row) => (row.zh && row.en && row.zh !== row.en ? two(`${row.en} · ${row.zh}`, `${row.zh} · ${row.en}`) : name(row));
  /* fixed English words of the file (reasons, notes) in the reader's language where a translation stands in text.json */
  const said = (words, lang) => String(words).split("; ").map((part) => (text["r." + part] ? text["r." + part][lang === "zh" ? 1 : 0] : part.replaceAll("_", " "))).join(lang === "zh" ? "；" : "; ");
  const why = (words) => (words ? two(said(words, "en"), said(words, "zh")) : "");
  const count = (n, key) => two(`${n} ${t(key + (n === 1 ? ".1" : ""), "en")}`, `${n} ${t(key, "zh")}`);
  /* the meaning of a column, from the file's own comments */
  const meaning = new Map(data.dictionary.flatMap((d) => d.columns.map(([column, , words]) => [`${d.table}.${column}`, words])));
  const how = (column) => (meaning.has(column) ? el("a", { href: `#d-${column}`, class: "how to-dictionary", title: meaning.get(column), "aria-label": `${t("made")}: ${column}` }, "?") : "");
  const keep = (value) => el("span", { "data-keep": true }, String(value ?? "–"));
  const vocab = (value) => (value ? String(value).split("; ").map((v, i) => [i ? "; " : "", tt("v." + v)]) : tt("city.unknown"));
  const outward = (url, label) => (url && /^https?:\/\//.test(url) ? el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, label) : "");
  const unknown = (reason) => el("span", { class: "small" }, tt("city.unknown"), reason ? ": " : "", why(reason));
  const num = (value, digits = 0) => (typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: digits, minimumFractionDigits: 0 }) : "–");
  const pct = (value, digits = 0) => (typeof value === "number" ? (100 * value).toFixed(digits) + "\u00a0%" : "–");
  const chip = (flag) => (flag ? el("span", { class: "chip " + flag }, tt("v." + flag)) : "");
  /* categories of an axis must differ: places of one name take their province, then a number */
  function distinct(list, provinceOf) {
    const seen = new Map();
    const count = (words) => list.filter((w) => w === words).length;
    return list.map((words, i) => {
      const full = count(words) > 1 && provinceOf(i) ? `${words}, ${provinceOf(i)}` : words;
      seen.set(full, (seen.get(full) || 0) + 1);
      return seen.get(full) > 1 ? `${full} #${seen.get(full)}` : full;
    });
  }
  const fill = (node, ...children) => { node.replaceChildren(...children.flat(9).filter((c) => c !== null && c !== undefined && c !== "")); return node; };

  // ---- charts: embedded when they come near the view ----------------------------------------------------------------
  const ready = {}, start = {};
  for (const key of Object.keys(charts)) ready[key] = new Promise((resolve) => (start[key] = resolve));
  const embedded = new Set();
  async function embed(key) {
    if (embedded.has(key)) return;
    embedded.add(key);
    const views = await Bokeh.embed.embed_item(charts[key]);
    const found = Array.isArray(views) ? views : [...views];
    start[key](found[0].model.document);
  }
  const near = new IntersectionObserver((seen) => {
    for (const entry of seen) if (entry.isIntersecting) { near.unobserve(entry.target); embed(entry.target.id.slice(6)); }
  }, { rootMargin: "600px" });
  const chart = (key, run) => ready[key].then(run);
  const model = (doc, key) => doc.get_model_by_name(key);
  /* legends are lists beside the charts: they wrap on a phone, and a reader's tools can read them */
  function legend(id, items) {
    fill($(id), items.map(([colour, words, shape]) => { const mark = el("i", { class: shape || "dot" }); mark.style.setProperty("--c", colour); return el("li", {}, mark, words); }));
  }

  /* Bokeh 3.9 may paint patches once more with the indices of the data before: their source never gets shorter */
  function noShorter(data_, before) {
    const n = data_.xs.length;
    for (let i = n; i < before.xs.length; i += 1) for (const key of Object.keys(data_)) data_[key].push(key === "xs" || key === "ys" ? [NaN] : key === "fill" ? "#ffffff" : "");
  }

  // ---- the map ---------------------------------------------------------------------------------------------------------
  const kind = (p, year) => (p.ev !== undefined && p.ev <= year ? (p.ice ? (p.converted === "yes" ? "converted" : "both") : "ev") : p.partial && year >= FIRST_EV ? "both" : p.ice ? "ice" : "ev");
  const stands = (p, year) => (p.opened === undefined ? year === NOW : p.opened <= year) && (p.closed === undefined || p.closed > year);
  const isEv = (p, year) => p.ev !== undefined && p.ev <= year;
  function size(p) {
    if (p.cap === undefined) return 7;
    return p.unit === "vehicles_per_year" ? 6 + 14 * Math.sqrt(Math.min(p.cap, 1e6) / 1e6) : p.unit === "gwh_per_year" ? 6 + 14 * Math.sqrt(Math.min(p.cap, 100) / 100) : 7;
  }
  const capacity = (p) => (p.cap === undefined ? `${t("plant.capacity")}: ${t("plant.unknown")}` : `${t("plant.capacity")}: ${num(p.cap, 1)} ${p.unit ? t("v." + p.unit) : t("plant.nounit")}${p.cap_year ? ` (${p.cap_year})` : ""}`);
  const years = (p) => `${t("plant.opened")} ${p.opened ?? t("plant.unknown")}${p.ev && p.ev !== p.opened ? `, ${t("plant.ev")} ${p.ev}` : ""}${p.closed ? `, ${t("plant.closed")} ${p.closed}` : ""}`;
  let shown = [];
  function drawMap() {
    $("year-now").textContent = state.year;
    const byCity = new Map(), all = new Map();
    const tally = (id, key) => { if (!all.has(id)) all.set(id, { ev: 0, ice: 0 }); all.get(id)[key] += 1; };
    let ice = 0, ev = 0, partial = 0;
    shown = data.plants.filter((p) => stands(p, state.year));
    for (const p of shown) {
      const k = kind(p, state.year);
      if (isEv(p, state.year)) { ev += 1; byCity.set(p.city, (byCity.get(p.city) || 0) + 1); tally(p.city, "ev"); }
      else if (k === "both") partial += 1;
      if (p.ice && k !== "converted") { ice += 1; tally(p.city, "ice"); }
    }
    fill($("map-counts"), tt("map.counts"), `, ${state.year}: `, el("b", {}, String(ice)), " ", tt("map.ice"), ", ", el("b", {}, String(ev)), " ", tt("map.ev"), ", ", el("b", {}, String(partial)), " ", tt("map.partial"));
    chart("map", (doc) => {
      const source = model(doc, "plants");
      const fills = shown.map((p) => (state.colour === "segment" ? colours.segments[p.segment] || "#767676" : colours.powertrain[kind(p, state.year)]));
      source.data = {
        x: shown.map((p) => p.x), y: shown.map((p) => p.y), size: shown.map(size), fill: fills, line: fills.map((f, i) => (shown[i].cap === undefined ? f : "#ffffff")),
        alpha: shown.map((p) => (p.cap === undefined ? 0.12 : p.level === "city" ? 0.6 : 0.95)), edge: shown.map((p) => (p.level === "city" ? 0.75 : 1)),
        name: shown.map((p) => p.name || p.operator), city: shown.map((p) => name(cities.get(p.city) || {})), segment: shown.map((p) => `${name(segments.get(p.segment) || { en: p.segment })}, ${t("pt." + kind(p, state.year))}`),
        years: shown.map(years), cap: shown.map(capacity), known: shown.map((p) => `${t("v." + p.support)} (${p.confidence})`), id: shown.map((p) => p.id),
      };
      const units = model(doc, "units");
      const ids = units.data.id;
      const inYear = (id) => byCity.get(cityOf(id)) || 0;
      units.data = { ...units.data, fill: Array.from(ids, (id) => SHADES[Math.min(4, inYear(id))]),
        label: Array.from(ids, (id, i) => { const c = cities.get(cityOf(id)); return `${c ? name(c) : units.data.zh[i]}: ${byCity.get(cityOf(id)) || 0} ${t("map.ev")}`; }) };
      const large = Array.from(ids.keys()).filter((i) => inYear(ids[i]) >= LARGE), frames = { xs: large.map((i) => units.data.xs[i]), ys: large.map((i) => units.data.ys[i]) };
      noShorter(frames, model(doc, "frames").data);
      model(doc, "frames").data = frames;
      named = [...all].sort((a, b) => b[1].ev + b[1].ice - a[1].ev - a[1].ice).map(([id]) => cities.get(id)).filter(Boolean);
      nameCities(doc);
    });
    drawLeading(all);
    drawHulls();
    const kinds = state.colour === "segment" ? data.segments.filter((s) => data.plants.some((p) => p.segment === s.id)).map((s) => [colours.segments[s.id] || "#767676", nn(s)]) : Object.entries(colours.powertrain).map(([k, c]) => [c, tt("pt." + k)]);
    legend("map-legend", [...kinds, ...SHADES.map((c, i) => [c, i === 0 ? tt("map.shade0") : i === 4 ? "4+" : String(i), "box"]), ["#4b2a6b", tt("map.large"), "frame"], ...(data.clusters.length ? [["#D55E00", tt("map.area"), "frame dash"]] : [])]);
    legend("size-legend", [["#767676", tt("map.size.1"), "dot s1"], ["#767676", tt("map.size.2"), "dot s2"], ["#767676", tt("map.size.3"), "dot s3"], ["#767676", tt("map.size.0"), "ring"]]);
  }
  /* the largest cities of the view whose names do not overlap */
  let named = [];
  function nameCities(doc) {
    const figure = model(doc, "map"), xr = figure.x_range, yr = figure.y_range, w = xr.end - xr.start, h = yr.end - yr.start;
    const px = (figure.inner_width || 800) / w, taken = [], kept = [];
    for (const c of named) {
      if (c.x < xr.start || c.x > xr.end || c.y < yr.start || c.y > yr.end) continue;
      const half = (name(c).length * (state.lang === "zh" ? 11 : 6)) / 2 / px + 4 / px, tall = 15 / px;
      if (taken.some((o) => Math.abs(o.x - c.x) < o.half + half && Math.abs(o.y - c.y) < tall)) continue;
      taken.push({ x: c.x, y: c.y, half });
      kept.push(c);
      if (kept.length >= 24) break;
    }
    model(doc, "names").data = { x: kept.map((c) => c.x), y: kept.map((c) => c.y), text: kept.map((c) => name(c)) };
  }
  function drawLeading(all) {
    const top = [...all].filter(([id]) => cities.has(id)).sort((a, b) => b[1].ev + b[1].ice - a[1].ev - a[1].ice || a[0].localeCompare(b[0])).slice(0, 10);
    const most = Math.max(1, ...top.map(([, n]) => n.ev + n.ice));
    fill($("leading"), el("h3", {}, tt("map.leading"), ` ${state.year}`), el("table", { class: "bars" }, el("tbody", {}, top.map(([id, n]) => {
      const bar = (value, colour) => { const b = el("i", { title: String(value) }); b.style.width = `${(100 * value) / most}%`; b.style.background = colour; return value ? b : ""; };
      return tr(el("button", { type: "button", class: "link", on: { click: () => { select(cityCard(cities.get(id))); goTo(cities.get(id).x, cities.get(id).y); } } }, nn(cities.get(id))), el("td", { class: "wide" }, bar(n.ice, colours.powertrain.ice), bar(n.ev, colours.powertrain.ev)), cell(`${n.ice} + ${n.ev}`, true));
    }))), el("p", { class: "small" }, tt("map.leading.p")));
  }
  const SHADES = ["#f1f2f4", "#dcebf5", "#b9d7ea", "#8fc0dd", "#5ca3cc"], LARGE = 3;
  /* the backdrop has the municipalities' urban area as a prefecture; the atlas counts the municipality */
  const cityOf = (unit) => ({ 110100: "110000", 120100: "120000", 310100: "310000", 500100: "500000" })[unit] || unit;
  function drawHulls() {
    const now = data.clusters.filter((c) => c.year === state.year);
    fill($("cluster-note"), data.clusters.length ? [tt("map.clusters"), ` ${state.year}: ${now.length}.`] : tt("map.none"));
    chart("map", (doc) => {
      const of = (c) => [...(c.plants || []).map((id) => plants.get(id)), ...(c.cities || []).map((id) => cities.get(id))].filter(Boolean).map((p) => [p.x, p.y]);
      const drawn = now.filter((c) => of(c).length), shapes = drawn.map((c) => hull(of(c)));
      const areas = { xs: shapes.map((s) => s.map((p) => p[0])), ys: shapes.map((s) => s.map((p) => p[1])), label: drawn.map((c) => `${(c.cities || []).map((id) => name(cities.get(id) || { en: id })).join(", ")}: ${c.members} ${t("map.members")}`) };
      noShorter(areas, model(doc, "hulls").data);
      model(doc, "hulls").data = areas;
    });
  }
  /* convex hull (Andrew's monotone chain), widened so that a line of plants has an area */
  function hull(points) {
    const wide = points.flatMap(([x, y]) => [[x - 18, y], [x + 18, y], [x, y - 18], [x, y + 18]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const cross = (o, a, b) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
    const half = (list) => { const out = []; for (const p of list) { while (out.length > 1 && cross(out[out.length - 2], out[out.length - 1], p) <= 0) out.pop(); out.push(p); } out.pop(); return out; };
    return half(wide).concat(half(wide.reverse()));
  }
  /* ranges that hold at least the asked rectangle, with a kilometre as long on both axes as the frame demands */
  const COUNTRY = { x: -200, y: 40, w: 5000, h: 4250 }, EAST = { x: 850, y: -450, w: 2000, h: 2300 };
  let view = COUNTRY;
  function show(doc, asked) {
    const figure = model(doc, "map"), ratio = (figure.inner_width || 1) / (figure.inner_height || 1);
    view = asked;
    const w = Math.max(asked.w, asked.h * ratio), h = w / ratio;
    figure.x_range.setv({ start: asked.x - w / 2, end: asked.x + w / 2 });
    figure.y_range.setv({ start: asked.y - h / 2, end: asked.y + h / 2 });
    nameCities(doc);
  }
  function move(dx, dy, factor) {
    chart("map", (doc) => {
      if (factor === 0) { show(doc, COUNTRY); return; }
      if (factor === -1) { show(doc, EAST); return; }
      const figure = model(doc, "map"), xr = figure.x_range, yr = figure.y_range, w = xr.end - xr.start, h = yr.end - yr.start;
      show(doc, { x: (xr.start + xr.end) / 2 + dx * w, y: (yr.start + yr.end) / 2 + dy * h, w: w * factor, h: h * factor });
    });
  }
  const goTo = (x, y, km = 500) => chart("map", (doc) => show(doc, { x, y, w: 2 * km, h: 2 * km }));
  function plantCard(p) {
    return el("div", {}, el("h4", {}, keep(p.name || p.operator)),
      el("p", {}, nn(cities.get(p.city)), p.district ? ["· ", keep(p.district)] : "", " · ", nn(segments.get(p.segment)), " · ", tt("pt." + kind(p, state.year))),
      el("p", { class: "small" }, two(plantWords(p, "en"), plantWords(p, "zh"))), el("p", {}, chip(p.support), " ", p.url ? outward(p.url, tt("plant.evidence")) : el("span", { class: "small" }, tt("plant.noevidence"))),
      el("p", {}, el("button", { type: "button", on: { click: () => chooseCity(p.city, true) } }, nn(cities.get(p.city)), " →")));
  }
  function plantWords(p, lang) {
    const was = state.lang; state.lang = lang;
    const words = [`${t("plant.operator")}: ${(lang === "zh" ? p.firm_zh : p.firm_en) || p.operator || "–"}`, p.grp ? `${t("plant.group")}: ${p.grp}` : "", p.product ? `${t("plant.product")}: ${p.product}` : "", years(p), capacity(p)].filter(Boolean).join("; ");
    state.lang = was; return words;
  }
  function cityCard(c) {
    return el("div", {}, el("h4", {}, both(c)), el("p", {}, `${num(c.p.n_ev_plants)} `, tt("map.ev"), `, ${num(c.m.n_ice_plants || 0)} `, tt("map.ice")), el("p", {}, chip(c.p.quality_flag)),
      el("p", {}, el("button", { type: "button", on: { click: () => chooseCity(c.id, true) } }, nn(c), " →")));
  }
  const select = (card) => fill($("selection"), card);

  // ---- tables -----------------------------------------------------------------------------------------------------------
  function table(node, heads, body) {
    fill(node, el("thead", {}, el("tr", {}, heads.map((h) => (h instanceof Node ? h : el("th", { scope: "col" }, h))))), el("tbody", {}, body));
  }
  const cell = (value, number) => el("td", number ? { class: "n" } : {}, value);
  const tr = (head, ...cells) => el("tr", {}, el("th", { scope: "row" }, head), cells);

  // ---- which cities? ------------------------------------------------------------------------------------------------------
  const COLUMNS = [["name", "c.city"], ["n_ev_plants", "c.ev"], ["n_battery_plants", "c.battery"], ["makers", "c.makers"], ["anchor_firm", "c.anchor"], ["nev_output_newest", "c.output"], ["typology", "c.type"], ["ice_past", "c.past"], ["reading", "c.reading"], ["n_documents_with_money", "c.paid"], ["unverified_share", "c.quality"]];
  const filters = () => ({ text: $("f-text").value.trim().toLowerCase(), battery: Number($("f-battery").value) || 0, past: $("f-past").value, reading: $("f-reading").value, seven: state.seven });
  function chosenCities() {
    const f = filters();
    const wanted = data.cities.filter((c) => (!f.text || `${c.en} ${c.zh} ${c.pen} ${c.pzh}`.toLowerCase().includes(f.text)) && c.p.n_battery_plants >= f.battery && (!f.past || c.p.ice_past === f.past) && (!f.reading || c.p.reading === f.reading) && (!f.seven || c.p.in_study_seven));
    const value = (c) => (state.sort === "name" ? name(c) : state.sort === "makers" ? c.p.battery_makers.length : c.p[state.sort]);
    return wanted.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? 1 : -1;
      return (typeof x === "number" ? x - y : String(x).localeCompare(String(y), state.lang === "zh" ? "zh" : "en")) * (state.down ? -1 : 1);
    });
  }
  /* a tie has no anchor: that is known, not unknown */
  const noAnchor = (p) => (p.n_ev_plants && p.cr1 !== undefined ? [tt("c.noleader"), ` (${pct(p.cr1)})`] : p.n_ev_plants ? tt("c.noleader") : "–");
  function paid(c) {
    if (c.p.amounts.length) return [c.p.amount_cny_m !== undefined ? el("p", {}, `${num(c.p.amount_cny_m)} `, tt("paid.paid")) : "", el("details", {}, el("summary", {}, count(c.p.amounts.length, "paid.amounts")), el("p", { class: "small" }, tt("paid.what")), el("ul", {}, c.p.amounts.map((a) => el("li", { class: "small" }, keep(a)))), el("p", { class: "small" }, why(c.p.policy_coverage)))];
    return el("span", { class: "small" }, c.p.n_documents ? [count(c.p.n_documents, "paid.docs"), ", ", tt("paid.none"), "; "] : "", why(c.p.policy_coverage));
  }
  /* the answer in a sentence, counted over the rows below it */
  function answer(list) {
    const some = (test) => list.filter(test).length;
    const facts = { n: list.length, k: filters().battery, lead: some((c) => c.p.battery_anchor), docs: some((c) => c.p.n_documents), money: some((c) => c.p.amounts.length), paid: some((c) => c.p.amount_cny_m !== undefined), out: some((c) => c.p.nev_output_newest !== undefined), recalled: some((c) => c.p.quality_flag === "mostly_unverified") };
    const say = (lang) => (state.asked ? t("answer." + state.asked, lang) : t("answer.any", lang)).replace(/\{(\w+)\}/g, (_, key) => facts[key]);
    fill($("cities-answer"), two(say("en"), say("zh")));
  }
  function drawCities() {
    const list = chosenCities();
    fill($("cities-count"), el("b", {}, String(list.length)), " ", tt("c.count"));
    answer(list);
    for (const button of document.querySelectorAll("[data-preset]")) button.setAttribute("aria-pressed", String(button.dataset.preset === (state.asked || "")));
    const heads = COLUMNS.map(([key, words]) => el("th", { scope: "col", "aria-sort": state.sort === key ? (state.down ? "descending" : "ascending") : "none" },
      el("button", { type: "button", "data-sort": key, on: { click: () => { state.down = state.sort === key ? !state.down : key !== "name"; state.sort = key; drawCities(); document.querySelector(`[data-sort="${key}"]`)?.focus(); } } }, tt(words), state.sort === key ? (state.down ? " ↓" : " ↑") : "")));
    table($("cities-table"), heads, list.map((c) => tr(
      el("button", { type: "button", class: "link", on: { click: () => chooseCity(c.id, true) } }, both(c)), cell(num(c.p.n_ev_plants), true), cell(num(c.p.n_battery_plants), true), cell(c.p.battery_makers.length ? [keep(c.p.battery_makers.join(", ")), el("br"), el("small", {}, c.p.battery_anchor ? [tt("c.led"), " ", el("b", {}, keep(c.p.battery_anchor))] : tt("c.noleader"))] : "–"),
      cell(c.p.anchor_firm ? [keep(c.p.anchor_firm), ` (${pct(c.p.cr1)})`] : noAnchor(c.p)), cell(c.p.nev_output_newest !== undefined ? [`${atLeast(c.m)}${num(c.p.nev_output_newest)} (${c.p.nev_output_newest_year})`, c.p.nev_output_newest_basis === "legal_entity" ? [el("br"), el("small", {}, tt("v.legal_entity"))] : ""] : tt("city.unknown"), true),
      cell(c.p.typology ? vocab(c.p.typology) : "–"), cell(tt("past." + c.p.ice_past)), cell(c.p.reading ? vocab(c.p.reading) : "–"), cell(paid(c)), cell(c.p.unverified_share !== undefined ? el("span", { class: "chip wrap " + c.p.quality_flag }, `${pct(c.p.unverified_share)} `, tt("city.unverified")) : chip(c.p.quality_flag)))));
  }
  const PRESETS = { battery: { battery: 2, past: "none known", sort: "n_battery_plants" }, seven: { seven: true, sort: "nev_output_newest" }, path: { reading: "path_dependence", sort: "n_ev_plants" }, all: { sort: "n_ev_plants" } };
  function preset(key) {
    const p = PRESETS[key];
    $("f-text").value = ""; $("f-battery").value = p.battery || 0; $("f-past").value = p.past || ""; $("f-reading").value = p.reading || ""; state.seven = p.seven || false; state.sort = p.sort; state.down = true;
    state.asked = key;
    drawCities();
  }

  // ---- one city -------------------------------------------------------------------------------------------------------------
  function chooseCity(id, scroll) {
    if (!cities.has(id)) return;
    state.city = id;
    $("city-choice").value = id;
    drawCity();
    remember();
    if (scroll) $("city").scrollIntoView();
  }
  /* a figure of January to November is no year's: it stands beside, never in its place */
  const period = (p, lang) => {
    const months = p === "h1" ? 6 : parseInt(p, 10);
    return months ? t("part.months", lang).replace("{n}", lang === "zh" ? months : new Date(2000, months - 1).toLocaleString("en", { month: "long" })) : t("part." + p, lang);
  };
  const partYear = (r, year = "") => (r && r[7] !== null && r[7] !== undefined ? el("small", {}, "; ", year, two(period(r[8], "en"), period(r[8], "zh")), `: ${num(r[7])} (`, tt("part.of"), ")") : "");
  const newestPart = (c) => {
    const r = [...c.s].reverse().find((q) => q[7] !== null && q[7] !== undefined && q[0] > (c.p.nev_output_newest_year || NOW - 5));
    return partYear(r, r ? `${r[0]} ` : "");
  };
  const atLeast = (m) => (m.nev_output_newest_is_lower_bound ? "≥ " : "");
  /* columns that only newer versions of the marts have */
  const has = (column) => meaning.has(column);
  const fact = (label, column, ...value) => el("div", {}, el("dt", {}, label, " ", how(column)), el("dd", {}, value));
  function drawCity() {
    const c = cities.get(state.city), m = c.m, p = c.p, h = c.h;
    const ranks = [["rank.output", m.rank_nev_output_newest], ["rank.capacity", p.capacity_vehicles ? m.rank_capacity_vehicles : undefined], ["rank.gwh", p.capacity_gwh ? m.rank_capacity_gwh : undefined], ["rank.plants", p.n_ev_plants ? m.rank_plants : undefined], ["rank.firms", p.n_firms ? m.rank_firms : undefined]].filter(([, value]) => value !== undefined);
    fill($("city-head"), el("h3", {}, both(c), " ", el("small", {}, two(c.pen || "", c.pzh || "")), " ", chip(p.quality_flag)),
      el("dl", { class: "facts" },
        fact(tt("city.rank"), "mart_cluster.rank_plants", ranks.map(([words, value], i) => [i ? "; " : "", `${value} `, el("small", {}, tt("city.by"), " ", tt(words))])),
        fact(tt("map.ev"), "mart_cluster.n_ev_plants", `${num(p.n_ev_plants)}`, m.national_share_plants !== undefined ? ` (${pct(m.national_share_plants, 1)})` : "", p.unverified_share !== undefined ? [", ", pct(p.unverified_share), " ", tt("city.unverified")] : ""),
        fact(tt("rank.output"), "mart_city_profile.nev_output_newest", p.nev_output_newest !== undefined ? [`${atLeast(m)}${num(p.nev_output_newest)} (${p.nev_output_newest_year}) `, p.nev_output_newest_basis ? el("small", {}, vocab(p.nev_output_newest_basis)) : ""] : unknown(), newestPart(c)),
        fact(tt("rank.capacity"), "mart_cluster.capacity_vehicles", p.capacity_vehicles !== undefined ? [`${num(p.capacity_vehicles)} `, tt("v.vehicles_per_year"), m.capacity_vehicles_known_share !== undefined ? [" (", tt("city.known"), ` ${pct(m.capacity_vehicles_known_share)})`] : ""] : unknown()),
        fact(tt("rank.gwh"), "mart_cluster.capacity_gwh", p.capacity_gwh !== undefined ? [`${num(p.capacity_gwh, 1)} `, tt("v.gwh_per_year"), m.capacity_gwh_known_share !== undefined ? [" (", tt("city.known"), ` ${pct(m.capacity_gwh_known_share)})`] : ""] : unknown()),
        fact(tt("city.structure"), "mart_cluster.typology", p.typology ? [vocab(p.typology), p.typology_margin !== undefined ? [" (", tt("city.margin"), ` ${num(p.typology_margin, 2)})`] : ""] : unknown(), m.life_cycle_stage ? ["; ", vocab(m.life_cycle_stage)] : ""),
        fact(tt("c.anchor"), "mart_cluster.anchor_firm", p.n_ev_plants ? [p.anchor_firm ? [keep(p.anchor_firm), ` ${pct(p.cr1)}`] : noAnchor(p), `, n = ${p.n_ev_plants}`, m.lq_without_anchor !== undefined ? ["; LQ ", tt("city.without"), ` ${num(m.lq_without_anchor, 2)}`] : "",
          has("mart_cluster.anchor_vehicle") && p.n_ev_vehicle_plants ? ["; ", tt("city.vehiclesby"), " ", m.anchor_vehicle ? keep(m.anchor_vehicle) : tt("c.noleader")] : "", has("mart_cluster.anchor_battery") && p.n_battery_plants ? ["; ", tt("city.cellsby"), " ", m.anchor_battery ? keep(m.anchor_battery) : tt("c.noleader")] : ""] : unknown()),
        fact(tt("city.lq"), "mart_cluster.lq_plants", m.lq_plants !== undefined ? `${num(m.lq_plants, 2)} [${num(m.lq_lo, 2)}, ${num(m.lq_hi, 2)}], q = ${num(m.q_bh, 2)}` : unknown()),
        fact(tt("city.heritage"), "mart_heritage.reading", p.reading ? vocab(p.reading) : unknown(), "; ", tt("past." + p.ice_past), p.ice_plants_before_2009 ? ` (${p.ice_plants_before_2009})` : "", "; ", tt("city.literature"), ": ", p.literature_reading ? [vocab(p.literature_reading), " ", outward((h.literature_source || "").split(" ; ")[0], tt("plant.evidence"))] : tt("city.unknown")),
        fact(tt("city.lineage"), "mart_heritage.share_lineage_plants", h.share_lineage_plants !== undefined ? [`${pct(h.share_lineage_plants)}${h.share_lineage_lo !== undefined ? ` [${pct(h.share_lineage_lo)}, ${pct(h.share_lineage_hi)}]` : ""}, `, tt("city.expected"), ` ${pct(h.share_lineage_expected)}, n = ${h.n_ev_plants}`] : unknown(h.null_reason))));
    chart("series", (doc) => {
      model(doc, "series").data = { year: c.s.map((r) => r[0]), ev: c.s.map((r) => r[1]), ice: c.s.map((r) => r[2]), partial: c.s.map((r) => r[3]) };
      model(doc, "hover_series").tooltips = [[t("t.year"), "@year"], [t("series.ev"), "@ev"], [t("series.ice"), "@ice"], [t("series.partial"), "@partial"]];
      model(doc, "series_figure_y").axis_label = t("axis.plants");
    });
    legend("legend-series", [["#0072B2", tt("series.ev"), "line"], ["#767676", tt("series.ice"), "line dashed"], ["#E69F00", tt("series.partial"), "line dotted"]]);
    const ranked = c.s.filter((r) => r[5] !== null && r[5] !== undefined);
    chart("share", (doc) => {
      model(doc, "share").data = { year: c.s.map((r) => r[0]), share: c.s.map((r) => r[4] ?? NaN), n: c.s.map((r) => r[1]) };
      model(doc, "hover_share").tooltips = [[t("t.year"), "@year"], [t("axis.share"), "@share{0.0%}"], ["n", "@n"]];
      model(doc, "share_figure_y").axis_label = t("axis.natshare");
    });
    chart("rank", (doc) => {
      model(doc, "rank").data = { year: ranked.map((r) => r[0]), rank: ranked.map((r) => r[5]), share: ranked.map((r) => r[4] ?? NaN) };
      model(doc, "rank_figure").y_range.setv({ start: Math.max(10, ...ranked.map((r) => r[5])) + 1, end: 0 });
      model(doc, "hover_rank").tooltips = [[t("t.year"), "@year"], [t("city.rank"), "@rank"], [t("axis.share"), "@share{0.0%}"]];
      model(doc, "rank_figure_y").axis_label = t("axis.rank");
    });
    const years_ = el("table");
    table(years_, ["t.year", "map.ev", "map.ice", "map.partial", "axis.natshare", "city.rank", "rank.output"].map(tt), [...c.s].reverse().map((r) => tr(String(r[0]), cell(num(r[1]), true), cell(num(r[2]), true), cell(num(r[3]), true), cell(r[4] === null || r[4] === undefined ? "–" : pct(r[4], 1), true), cell(r[5] ?? "–", true), cell(r[6] === null || r[6] === undefined ? [tt("city.unknown"), partYear(r)] : `${r[9] ? "≥ " : ""}${num(r[6])}`, true))));
    fill($("city-years"), el("p", { class: "small" }, tt("ev.what")), el("details", {}, el("summary", {}, tt("city.years")), el("div", { class: "scroll", tabindex: "0" }, years_)));
    const measured = c.seg.filter((s) => s.lq_plants !== undefined);
    chart("lq", (doc) => {
      const figure = model(doc, "lq_figure");
      const order = measured.map((s) => name(segments.get(s.segment))).reverse();
      figure.y_range.factors = order;
      figure.x_range.setv({ start: 0, end: Math.max(2.2, ...measured.map((s) => Math.min(s.lq_hi ?? s.lq_plants, 5))) * 1.05 });
      model(doc, "lq").data = { segment: measured.map((s) => name(segments.get(s.segment))), lq: measured.map((s) => s.lq_plants), lo: measured.map((s) => s.lq_lo ?? s.lq_plants), hi: measured.map((s) => s.lq_hi ?? s.lq_plants), n: measured.map((s) => s.n_plants), q: measured.map((s) => s.q_bh ?? NaN) };
      const end = figure.x_range.end, beyond = measured.filter((s) => (s.lq_hi ?? 0) > end);
      model(doc, "lq_beyond").data = { end: beyond.map(() => end), segment: beyond.map((s) => name(segments.get(s.segment))) };
      model(doc, "lq_figure_x").axis_label = t("axis.lq");
    });
    const segmentTable = el("table");
    table(segmentTable, ["t.segment", "t.firms", "t.plants", "t.capacity", "t.lq", "t.q", "t.why"].map(tt), c.seg.map((s) => tr(nn(segments.get(s.segment)), cell(num(s.n_firms), true), cell(num(s.n_plants), true),
      cell(s.capacity !== undefined ? [`${num(s.capacity, 1)} `, tt("v." + s.capacity_unit), ` (${pct(s.capacity_known_share)})`] : "–", true), cell(s.lq_plants !== undefined ? `${num(s.lq_plants, 2)} [${num(s.lq_lo, 2)}, ${num(s.lq_hi, 2)}]` : "–", true), cell(num(s.q_bh, 2), true), cell(why(s.null_reason)))));
    fill($("city-segments"), el("details", {}, el("summary", {}, tt("city.segtable"), `, ${NOW}`), el("div", { class: "scroll", tabindex: "0" }, segmentTable)));
    drawFlow(c);
    const mine = (code) => data.policies.filter((q) => q.place === code);
    const documents = mine(c.id), beyond = Math.max(0, (p.n_documents || 0) - documents.length);
    const province = c.id.slice(0, 2) + "0000";
    const above = province === c.id ? [] : mine(province);
    const inv = c.inv;
    const plantTable = el("table"), firmTable = el("table");
    table(plantTable, ["t.plants", "t.segment", "t.year", "t.capacity", "c.quality"].map(tt), data.plants.filter((q) => q.city === c.id).map((q) => tr(keep(q.name || q.operator), cell(nn(segments.get(q.segment))), cell(two(inLang(years, q, "en"), inLang(years, q, "zh"))), cell(q.cap !== undefined ? [`${num(q.cap, 1)} `, q.unit ? tt("v." + q.unit) : tt("plant.nounit")] : tt("city.unknown")), cell([chip(q.support), " ", outward(q.url, tt("plant.evidence"))]))));
    table(firmTable, ["t.firms", "t.segment", "t.year", "plant.group", "c.quality"].map(tt), c.firms.map((q) => tr(both(q), cell((q.segments || []).filter(Boolean).map((s, i) => [i ? ", " : "", nn(segments.get(s))])), cell(q.founded ?? "–"), cell(keep(q.grp)), cell([chip(q.support), " ", outward(q.url, tt("plant.evidence"))]))));
    fill($("city-rest"),
      el("h3", { id: "city-tools" }, tt("city.tools")), documents.length ? [beyond ? el("p", { class: "small" }, `+ ${beyond} `, tt("city.morein"), " ", el("code", {}, "policy")) : "", policyList(documents)] : el("p", { class: "note" }, tt("city.tools.none")),
      above.length ? el("details", {}, el("summary", {}, tt("city.province"), ` (${above.length})`), policyList(above)) : "",
      el("h3", {}, tt("city.involution")),
      inv ? el("dl", { class: "facts" }, fact(tt("inv.utilisation"), "mart_involution.utilisation", p.utilisation !== undefined ? [`${pct(p.utilisation)} (${p.utilisation_year})`, p.utilisation_bound && p.utilisation_bound !== "point" ? [", ", tt(`bound.${p.utilisation_bound.split(":")[0]}`)] : ""] : unknown(p.utilisation_null_reason)), fact(tt("inv.duplication"), "mart_involution.duplication", inv.duplication !== undefined ? `${num(inv.duplication, 2)}, n = ${inv.n_ev_plants}` : unknown()), fact(tt("inv.jaccard"), "mart_involution.instrument_jaccard", inv.instrument_jaccard !== undefined ? [`${num(inv.instrument_jaccard, 2)}, `, count(p.n_documents, "paid.docs")] : unknown()), fact(tt("inv.churn"), "mart_involution.churn", inv.churn !== undefined ? `${num(inv.churn, 0)}\u00a0% (${inv.year}), n = ${inv.n_ev_plants}` : unknown()), fact(tt("inv.early"), "mart_involution.early_closure_share", inv.early_closure_share !== undefined ? [`${pct(inv.early_closure_share)}, `, tt("inv.entered")] : unknown()), fact(tt("inv.missing"), "mart_involution.components_missing", (inv.components_missing || []).map((m, i) => [i ? ", " : "", tt("inv." + m)]))) : el("p", {}, tt("city.flow.none")),
      el("h3", {}, tt("city.coverage")), el("ul", {}, el("li", {}, tt("r.policies"), ": ", why(p.policy_coverage)), (p.null_reason || "").split("; ").filter(Boolean).map((part) => el("li", {}, why(part)))),
      el("details", {}, el("summary", {}, tt("city.plants"), ` (${data.plants.filter((q) => q.city === c.id).length})`), el("div", { class: "scroll", tabindex: "0" }, plantTable)),
      el("details", {}, el("summary", {}, tt("city.firms"), ` (${c.firms.length}${c.p.n_firms > c.firms.length && c.firms.length >= 60 ? " / " + num(c.p.n_firms) : ""})`), el("div", { class: "scroll", tabindex: "0" }, firmTable)));
  }
  function inLang(run, value, lang) { const was = state.lang; state.lang = lang; const words = run(value); state.lang = was; return words; }
  const coded = new Map();
  for (const s of data.statements) (coded.get(s.policy) || coded.set(s.policy, []).get(s.policy)).push(s);
  /* quotation marks stand only where the document's own text was read */
  const words = (s) => (s.basis === "text" ? el("q", { "data-keep": true }, s.words || "") : s.basis === "summary" ? [el("small", {}, tt("basis.summary"), ": "), keep(s.words || "")] : el("small", {}, tt(s.basis === "hand" ? "basis.hand" : "basis.title")));
  function policyList(documents) {
    const body = documents.flatMap((d) => {
      const lines = coded.get(d.id) || [];
      const head = el("th", { scope: "row", rowspan: Math.max(1, lines.length) }, both(d), el("br"), el("small", {}, keep([d.no, d.issued].filter(Boolean).join(" · ")), d.status && d.status !== "unknown" ? [" · ", tt("v." + d.status)] : "", d.text && d.text !== "full" ? [" · ", tt("text." + d.text)] : "", " ", chip(d.support), " ", outward(d.url, tt("plant.evidence"))));
      const cells = (s) => [cell(nn(instruments.get(s.instrument))), cell(vocab(s.direction)), cell(s.amount !== undefined ? [`${num(s.amount, 2)} ${s.unit || ""}`, s.role ? [" (", tt("role." + s.role), ")"] : ""] : "–", true), cell(words(s))];
      return lines.length ? lines.map((s, i) => el("tr", {}, i ? "" : head, cells(s))) : [el("tr", {}, head, el("td", { colspan: 4 }, "–"))];
    });
    const node = el("table");
    table(node, ["t.document", "t.instrument", "t.direction", "t.amount", "t.words"].map(tt), body);
    const read = documents.some((d) => (coded.get(d.id) || []).some((s) => s.basis === "text"));
    return el("div", { class: "scroll", tabindex: "0" }, read ? "" : el("p", { class: "small" }, tt("basis.none")), node);
  }
  /* Sankey in three columns: predecessor, how it passed on, EV-capable plant. A plant weighs one, shared by its edges. */
  const FLOW = { none: "#009E73", converted_plant: "#E69F00", same_firm_diversifier: "#0072B2", joint_venture: "#CC79A7", acquired_plant_or_licence: "#D55E00", spin_off: "#56B4E9", same_site: "#F0E442", supplier_follow_on: "#767676" };
  function drawFlow(c) {
    const own = data.plants.filter((p) => p.city === c.id && p.ev !== undefined && (p.closed === undefined || p.closed > NOW));
    const links = [];
    for (const p of own) {
      const mine = data.edges.filter((e) => e.ev === p.id && e.confidence >= 0.5);
      if (!mine.length) links.push({ from: null, type: "none", to: p, weight: 1 });
      for (const e of mine) links.push({ from: e.name || e.pre, type: e.type, to: p, weight: 1 / mine.length, edge: e });
    }
    fill($("city-flow-list"), own.length ? el("details", {}, el("summary", {}, tt("city.flow.list")), el("ul", {}, links.map((l) => el("li", {}, keep(l.from || ""), l.from ? " → " : "", tt("v." + l.type), " → ", keep(l.to.name || l.to.operator), l.edge ? [` (${l.edge.since || "–"}, ${num(l.edge.confidence, 2)}) `, chip(l.edge.support), " ", outward(l.edge.url, tt("plant.evidence"))] : "")))) : el("p", {}, tt("city.flow.none")));
    const kinds = [...new Set(links.map((l) => l.type))];
    legend("legend-flow", kinds.map((k) => [FLOW[k] || "#767676", tt("v." + k), "box"]));
    chart("flow", (doc) => {
      const columns = [new Map(), new Map(), new Map()];
      const put = (col, key, weight, label, colour) => { const n = columns[col].get(key) || columns[col].set(key, { weight: 0, label, colour, used: 0, out: 0 }).get(key); n.weight += weight; };
      for (const l of links) {
        if (l.from) put(0, l.from, l.weight, l.from, "#767676");
        put(1, l.type, l.weight, t("v." + l.type), FLOW[l.type] || "#767676");
        put(2, l.to.id, l.weight, l.to.name || l.to.operator, colours.segments[l.to.segment] || "#767676");
      }
      const most = Math.max(1, ...columns.map((m) => m.size));
      const scale = (1 - 0.02 * most) / Math.max(own.length, 0.001);
      const narrow = $("chart-flow").clientWidth < 620, xs = [0, 0.48, 0.96], wide = narrow ? 0.03 : 0.04;
      model(doc, "flow").x_range.setv(narrow ? { start: -0.01, end: 1.01 } : { start: -0.36, end: 1.36 });
      const nodes = { left: [], right: [], top: [], bottom: [], fill: [], label: [] }, texts = { right: { x: [], y: [], text: [] }, left: { x: [], y: [], text: [] } };
      columns.forEach((m, i) => {
        let y = 1 - 0.01;
        for (const n of m.values()) {
          n.top = y; n.bottom = y - n.weight * scale; y = n.bottom - 0.02;
          nodes.left.push(xs[i]); nodes.right.push(xs[i] + wide); nodes.top.push(n.top); nodes.bottom.push(n.bottom); nodes.fill.push(n.colour); nodes.label.push(n.label);
          if (i === 1) continue; /* the middle column is told by its colour and the legend */
          const side = (i === 0) === narrow ? texts.left : texts.right, edge = i === 0 ? (narrow ? wide + 0.01 : -0.01) : narrow ? xs[2] - 0.01 : xs[2] + wide + 0.01;
          const most = narrow ? 20 : 42;
          side.x.push(edge); side.y.push((n.top + n.bottom) / 2); side.text.push(n.label.length > most ? n.label.slice(0, most - 1) + "…" : n.label);
        }
      });
      const bands = { xs: [], ys: [], fill: [], label: [] };
      const band = (a, b, x0, x1, weight, colour, label) => {
        const h = weight * scale, y0 = a.top - a.out, y1 = b.top - b.used;
        a.out += h; b.used += h;
        const up = [], down = [];
        for (let i = 0; i <= 20; i += 1) { const s = i / 20, e = s * s * (3 - 2 * s), x = x0 + (x1 - x0) * s; up.push([x, y0 + (y1 - y0) * e]); down.unshift([x, y0 - h + (y1 - y0) * e]); }
        const ring = up.concat(down);
        bands.xs.push(ring.map((q) => q[0])); bands.ys.push(ring.map((q) => q[1])); bands.fill.push(colour); bands.label.push(label);
      };
      for (const l of links) {
        const type = columns[1].get(l.type);
        if (l.from) { band(columns[0].get(l.from), type, wide, xs[1], l.weight, type.colour, `${l.from} → ${t("v." + l.type)}`); }
      }
      for (const n of columns[1].values()) n.out = 0;
      for (const l of links) band(columns[1].get(l.type), columns[2].get(l.to.id), xs[1] + wide, xs[2], l.weight, columns[1].get(l.type).colour, `${t("v." + l.type)} → ${l.to.name || l.to.operator}`);
      noShorter(bands, model(doc, "flow_links").data);
      model(doc, "flow_links").data = bands; model(doc, "flow_nodes").data = nodes; model(doc, "flow_right").data = texts.right; model(doc, "flow_left").data = texts.left;
      model(doc, "flow").height = own.length ? Math.max(110, Math.min(700, 44 * most)) : 20;
    });
  }

  // ---- segments, policies, heritage --------------------------------------------------------------------------------------
  function drawSegments() {
    const rows = data.segments.map((s) => {
      const mine = data.cities.map((c) => [c, c.seg.find((q) => q.segment === s.id)]).filter(([, q]) => q);
      const plantsOf = mine.filter(([, q]) => q.n_plants).sort((a, b) => b[1].n_plants - a[1].n_plants || name(a[0]).localeCompare(name(b[0])));
      const firmsOf = mine.filter(([, q]) => q.n_firms).sort((a, b) => b[1].n_firms - a[1].n_firms || name(a[0]).localeCompare(name(b[0])));
      const list = (pairs, key) => pairs.slice(0, 6).map(([c, q], i) => [i ? ", " : "", el("button", { class: "link", type: "button", on: { click: () => chooseCity(c.id, true) } }, nn(c)), ` ${q[key]}`]);
      const total = (pairs, key) => pairs.reduce((sum, [, q]) => sum + q[key], 0);
      return tr(nn(s), cell([list(plantsOf, "n_plants"), plantsOf.length ? ` (n = ${total(plantsOf, "n_plants")})` : "–"]), cell([list(firmsOf, "n_firms"), firmsOf.length ? ` (n = ${total(firmsOf, "n_firms")})` : "–"]));
    });
    table($("leaders"), ["t.segment", "t.plants", "t.firms"].map(tt), rows);
    table($("concentration"), [tt("t.segment"), tt("t.plants"), [tt("gamma"), " ", how("metrics.segment_concentration.eg_gamma")], ["z ", how("metrics.segment_concentration.eg_z")], [tt("gini"), " ", how("metrics.segment_concentration.locational_gini")], tt("t.why")], data.concentration.map((r) => tr(nn(segments.get(r.segment_id)), cell(num(r.n_plants), true), cell(num(r.eg_gamma, 4), true), cell(num(r.eg_z, 2), true), cell(num(r.locational_gini, 2), true), cell(why(r.null_reason || (r.low_n ? "fewer than 10 plants" : ""))))));
    const size_ = byId(data.concentration, "segment_id");
    table($("coagglomeration"), [tt("pair"), tt("t.plants"), ["EGK gamma ", how("metrics.coagglomeration.egk_gamma")], tt("t.why")], data.coagglomeration.map((r) => tr([nn(segments.get(r.segment_i)), " + ", nn(segments.get(r.segment_j))], cell(`${size_.get(r.segment_i)?.n_plants ?? "–"} + ${size_.get(r.segment_j)?.n_plants ?? "–"}`, true), cell(num(r.egk_gamma, 4), true), cell(why(r.null_reason)))));
    drawDensity();
  }
  function drawDensity() {
    const id = $("kd-choice").value, mine = data.k_density.filter((r) => r.segment_id === id);
    const first = mine[0];
    legend("legend-kd", [["#0072B2", tt("kd.kd"), "line"], ["#b4b4b4", tt("kd.local"), "box"], ["#e2e2e2", tt("kd.global"), "box"]]);
    fill($("kd-note"), first ? `n = ${first.n_plants}, h = ${num(first.bandwidth_km, 1)} km` : "", data.k_density_missing.length ? [" · ", tt("segments.missing"), ": ", data.k_density_missing.map((m, i) => [i ? ", " : "", nn(segments.get(m.segment_id)), ` (n = ${m.n_plants ?? 0})`])] : "");
    chart("kd", (doc) => {
      const col = (key) => mine.map((r) => 1000 * (r[key] ?? NaN));
      model(doc, "kd_source").data = { r: mine.map((r) => r.r_km), kd: col("kd"), lo: col("local_lo"), hi: col("local_hi"), glo: col("global_lo"), ghi: col("global_hi") };
      model(doc, "kd").x_range.setv({ start: 0, end: Math.max(1, ...mine.map((r) => r.r_km)) });
      model(doc, "kd_x").axis_label = t("axis.km"); model(doc, "kd_y").axis_label = t("axis.kd");
    });
  }
  const hidden = new Set();
  const placeOf = (id) => (cities.has(id) ? nn(cities.get(id)) : provinces.has(id) ? nn(provinces.get(id)) : id);
  function drawPolicies() {
    const known = data.diffusion[0]?.known ?? 0;
    fill($("policies-p"), two(t("policies.p", "en").replace("{n}", known), t("policies.p", "zh").replace("{n}", known)));
    chart("diffusion", (doc) => { model(doc, "diffusion_y").axis_label = t("axis.places"); model(doc, "hover_diffusion").tooltips = [[t("t.instrument"), "@tool"], [t("t.year"), "@year"], [t("axis.places"), "@places / @known"]]; });
    fill($("legend-diffusion"), Object.entries(colours.tools).map(([tool, colour]) => {
      const mark = el("i", { class: "line " + (colours.dashes[tool] || "") });
      mark.style.setProperty("--c", colour);
      return el("li", {}, el("button", { type: "button", "aria-pressed": String(!hidden.has(tool)), on: { click: (event) => { const off = !hidden.has(tool); if (off) hidden.add(tool); else hidden.delete(tool); event.currentTarget.setAttribute("aria-pressed", String(!off)); chart("diffusion", (doc) => { model(doc, "line_" + tool).visible = !off; }); } } }, mark, tt("tool." + tool)));
    }));
    table($("spread"), [tt("t.instrument"), tt("spread.first"), [tt("axis.places"), ` / ${known}`], tt("paid.docs")], data.spread.map((r) => tr(nn(instruments.get(r.instrument)), cell([placeOf(r.first_place), ", ", String(r.first_on).slice(0, 7)]), cell([num(r.places), r.share_adopted !== undefined && r.share_lo !== undefined ? ` (${pct(r.share_adopted)} [${pct(r.share_lo)}, ${pct(r.share_hi)}])` : ""], true), cell(num(r.documents), true))));
    const sums = new Map();
    for (const r of data.mix) sums.set(r.id, (sums.get(r.id) || 0) + r.n);
    const top = [...sums].sort((a, b) => b[1] - a[1]).slice(0, 22).map(([id]) => id).reverse();
    const placeName = (id) => (cities.has(id) ? name(cities.get(id)) : provinces.has(id) ? name(provinces.get(id)) : id);
    chart("mix", (doc) => {
      const columns = { place: distinct(top.map((id) => placeName(id)), (i) => (state.lang === "zh" ? cities.get(top[i])?.pzh : cities.get(top[i])?.pen)) };
      for (const tool of Object.keys(colours.tools)) columns[tool] = top.map((id) => data.mix.find((r) => r.id === id && r.tool === tool)?.n || 0);
      model(doc, "mix_figure").y_range.factors = columns.place;
      model(doc, "mix").data = columns;
      model(doc, "mix_figure_x").axis_label = t("axis.documents");
      model(doc, "mix_figure").height = Math.max(140, 60 + 22 * top.length);
      model(doc, "hover_mix").tooltips = [["", "@place"], ...Object.keys(colours.tools).map((tool) => [t("tool." + tool), `@{${tool}}`])];
    });
    legend("legend-mix", Object.entries(colours.tools).map(([tool, c]) => [c, tt("tool." + tool), "box"]));
    table($("effects"), [tt("t.instrument"), [tt("eff.outcome"), " ", how("mart_policy_effect.outcome")], [tt("eff.estimator"), " ", how("mart_policy_effect.estimator")], ["t ", how("mart_policy_effect.event_time")], [tt("eff.estimate"), " ", how("mart_policy_effect.estimate")], tt("eff.treated"), [tt("eff.grade"), " ", how("mart_policy_effect.design_grade")], tt("eff.why")],
      data.effects.map((r) => tr(text["tool." + r.instrument] ? tt("tool." + r.instrument) : nn(instruments.get(r.instrument) || { en: r.instrument }), cell(keep(r.outcome ?? "–")), cell(keep(r.estimator)), cell(num(r.event_time), true), cell(r.estimate !== undefined && r.lo !== undefined ? `${num(r.estimate, 3)} [${num(r.lo, 3)}, ${num(r.hi, 3)}]` : tt("policies.nonumber"), true), cell(`${r.n_treated ?? "–"} / ${r.n_control ?? "–"}`, true), cell(keep(r.design_grade)), cell(why(r.warnings)))));
  }
  function drawHeritage() {
    const top = data.cities.filter((c) => c.p.n_ev_plants > 0).sort((a, b) => b.p.n_ev_plants - a.p.n_ev_plants || name(a).localeCompare(name(b))).slice(0, 24).reverse();
    chart("heritage", (doc) => {
      const places = distinct(top.map((c) => `${name(c)} (${c.p.n_ev_plants})`), (i) => (state.lang === "zh" ? top[i].pzh : top[i].pen));
      model(doc, "heritage_figure").y_range.factors = places;
      model(doc, "heritage").data = { place: places, lineage: top.map((c) => c.h.share_lineage_plants ?? 0), new_in_ice_city: top.map((c) => c.h.share_new_in_ice_city ?? 0), greenfield: top.map((c) => c.h.share_greenfield ?? 0) };
      model(doc, "heritage_figure_x").axis_label = t("axis.share");
      model(doc, "heritage_figure").height = Math.max(140, 60 + 22 * top.length);
      model(doc, "hover_heritage").tooltips = [["", "@place"], ...Object.keys(colours.heritage).map((part) => [t(part), `@${part}{0%}`])];
    });
    legend("legend-heritage", Object.entries(colours.heritage).map(([part, c]) => [c, tt(part), "box"]));
    const compared = data.cities.filter((c) => c.p.literature_reading);
    const agree = compared.filter((c) => c.p.readings_agree === true).length, differ = compared.filter((c) => c.p.readings_agree === false).length;
    fill($("heritage-count"), el("b", {}, String(agree)), " ", tt("heritage.agree"), ", ", el("b", {}, String(differ)), " ", tt("heritage.disagree"), ", ", el("b", {}, String(compared.length - agree - differ)), " ", tt("heritage.neither"), ` (n = ${compared.length})`);
    table($("readings"), ["c.city", "map.ev", "city.lineage", "c.past", "c.reading", "city.literature"].map(tt), compared.map((c) => tr(el("button", { class: "link", type: "button", on: { click: () => chooseCity(c.id, true) } }, both(c)), cell(num(c.p.n_ev_plants), true), cell(pct(c.h.share_lineage_plants), true), cell(tt("past." + c.p.ice_past)), cell(c.p.reading ? vocab(c.p.reading) : "–"), cell([vocab(c.p.literature_reading), " ", outward((c.h.literature_source || "").split(" ; ")[0], tt("plant.evidence"))]))));
  }

  // ---- search ---------------------------------------------------------------------------------------------------------------
  const entries = [
    ...data.cities.map((c) => ({ words: `${c.en} ${c.zh}`, row: c, go: () => { chooseCity(c.id, true); goTo(c.x, c.y); select(cityCard(c)); } })),
    ...data.plants.map((p) => ({ words: `${p.name || ""} ${p.operator || ""} ${p.firm_zh || ""} ${p.firm_en || ""}`, row: { en: p.name || p.operator, zh: p.name || p.operator }, go: () => { goTo(p.x, p.y, 250); select(plantCard(p)); $("map").scrollIntoView(); } })),
    ...data.cities.flatMap((c) => c.firms.map((f) => ({ words: `${f.en || ""} ${f.zh || ""}`, row: f, go: () => chooseCity(c.id, true) }))),
  ];
  let hits = [], current = -1;
  function search() {
    const words = $("search").value.trim().toLowerCase();
    hits = words ? entries.filter((e) => e.words.toLowerCase().includes(words)).slice(0, 12) : [];
    current = hits.length ? 0 : -1;
    fill($("hits"), hits.map((h, i) => el("li", { role: "option", id: `hit-${i}`, "aria-selected": String(i === current), on: { mousedown: (event) => { event.preventDefault(); pick(i); } } }, both(h.row))), words && !hits.length ? el("li", { "aria-disabled": "true" }, tt("search.none")) : "");
    $("hits").hidden = !words;
    $("search").setAttribute("aria-expanded", String(Boolean(words)));
    if (current >= 0) $("search").setAttribute("aria-activedescendant", `hit-${current}`); else $("search").removeAttribute("aria-activedescendant");
  }
  function pick(index) {
    const hit = hits[index];
    $("search").value = ""; search();
    if (hit) hit.go();
  }
  function point(step) {
    if (!hits.length) return;
    current = (current + step + hits.length) % hits.length;
    [...$("hits").children].forEach((node, i) => node.setAttribute("aria-selected", String(i === current)));
    $("search").setAttribute("aria-activedescendant", `hit-${current}`);
  }

  // ---- state in the address, language, start -----------------------------------------------------------------------------------
  function remember() {
    try { history.replaceState(null, "", `#city=${state.city}&year=${state.year}&lang=${state.lang}`); } catch (error) { /* file addresses may refuse; nothing is lost */ }
  }
  function language(lang) {
    state.lang = lang;
    root.lang = lang;
    $("language").textContent = t("lang");
    $("language").lang = lang === "zh" ? "en" : "zh";
    $("search").placeholder = t("search.hint");
    const options = (node, list) => { const was = node.value; fill(node, list.map(([value, words]) => el("option", { value }, words))); if ([...node.options].some((o) => o.value === was)) node.value = was; };
    options($("f-past"), [["", t("filter.any")], ...["plants", "firms only", "firms of unknown age", "none known"].map((v) => [v, t("past." + v)])]);
    options($("f-reading"), [["", t("filter.any")], ...["path_dependence", "transformation", "divergence", "mixed"].map((v) => [v, t("v." + v)])]);
    options($("city-choice"), [...data.cities].sort((a, b) => name(a).localeCompare(name(b), lang)).map((c) => [c.id, name(c)]));
    $("city-choice").value = state.city;
    options($("kd-choice"), [...new Set(data.k_density.map((r) => r.segment_id))].map((id) => [id, name(segments.get(id))]));
    drawMap(); drawCities(); drawCity(); drawSegments(); drawPolicies(); drawHeritage();
  }
  // ---- the dictionary: what each number is, from the comments of the published file ---------------------------------------------
  function drawDictionary() {
    fill($("dictionary-list"), data.dictionary.map((d) => el("details", { id: `d-${d.table}` }, el("summary", {}, el("code", {}, d.table), " ", el("small", {}, keep(d.meaning.split(". ")[0]))),
      el("p", { class: "small" }, keep(d.meaning)), el("div", { class: "scroll", tabindex: "0" }, el("table", {}, el("tbody", {}, d.columns.map(([column, kind_, words]) => el("tr", { id: `d-${d.table}.${column}` }, el("th", { scope: "row" }, el("code", {}, column), el("br"), el("small", {}, kind_.toLowerCase())), cell(keep(words))))))))));
  }
  function explain(id) {
    const node = document.getElementById(id);
    if (!node) return;
    const box = node.closest("details");
    if (box) box.open = true;
    for (const other of document.querySelectorAll("tr.asked")) other.classList.remove("asked");
    node.classList.add("asked");
    node.scrollIntoView({ block: "center" });
    (box || node).querySelector("summary")?.focus({ preventScroll: true });
  }
  const ASKS = {
    battery: () => { preset("battery"); $("cities").scrollIntoView(); }, seven: () => { preset("seven"); $("cities").scrollIntoView(); },
    wave: () => { $("map").scrollIntoView(); state.year = NOW; $("play").click(); }, words: () => { chooseCity(state.city, false); $("city-tools").scrollIntoView(); }, findings: () => $("findings").scrollIntoView(),
  };
  function begin() {
    const asked = new URLSearchParams(location.hash.slice(1)), asked_ = location.hash.startsWith("#d-") ? decodeURIComponent(location.hash.slice(1)) : "";
    if (cities.has(asked.get("city"))) state.city = asked.get("city");
    if (Number(asked.get("year")) >= 1990 && Number(asked.get("year")) <= NOW) { state.year = Number(asked.get("year")); $("year").value = state.year; }
    language(asked.get("lang") === "zh" || (!asked.get("lang") && navigator.language.startsWith("zh")) ? "zh" : "en");
    drawDictionary();
    for (const button of document.querySelectorAll("[data-ask]")) button.addEventListener("click", () => ASKS[button.dataset.ask]());
    document.addEventListener("click", (event) => { const link = event.target.closest?.("a.to-dictionary"); if (link) { event.preventDefault(); explain(link.getAttribute("href").slice(1)); } });
    $("language").addEventListener("click", () => { language(state.lang === "zh" ? "en" : "zh"); remember(); });
    $("year").addEventListener("input", (event) => { state.year = Number(event.target.value); drawMap(); });
    $("year").addEventListener("change", remember);
    let timer = null;
    const playing = (on) => { clearInterval(timer); timer = null; $("play").setAttribute("aria-pressed", String(on)); fill($("play"), tt(on ? "map.stop" : "map.play")); };
    $("play").addEventListener("click", () => {
      if (timer) { playing(false); return; }
      if (state.year >= NOW) state.year = 1989;
      playing(true);
      timer = setInterval(() => { state.year += 1; $("year").value = state.year; drawMap(); if (state.year >= NOW) playing(false); }, 450);
    });
    for (const input of document.getElementsByName("colour")) input.addEventListener("change", () => { state.colour = input.value; drawMap(); });
    for (const button of document.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => move(0, 0, { in: 0.6, out: 1 / 0.6, reset: 0, east: -1 }[button.dataset.zoom]));
    for (const button of document.querySelectorAll("[data-pan]")) button.addEventListener("click", () => { const [x, y] = { left: [-0.25, 0], right: [0.25, 0], up: [0, 0.25], down: [0, -0.25] }[button.dataset.pan]; move(x, y, 1); });
    for (const button of document.querySelectorAll("[data-preset]")) button.addEventListener("click", () => preset(button.dataset.preset));
    for (const id of ["f-text", "f-battery", "f-past", "f-reading"]) $(id).addEventListener("input", () => { state.seven = false; state.asked = ""; drawCities(); });
    $("city-choice").addEventListener("change", (event) => chooseCity(event.target.value, false));
    $("kd-choice").addEventListener("change", drawDensity);
    $("search").addEventListener("input", search);
    $("search").addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") { event.preventDefault(); point(1); } else if (event.key === "ArrowUp") { event.preventDefault(); point(-1); } else if (event.key === "Enter") pick(Math.max(0, current)); else if (event.key === "Escape") { $("search").value = ""; search(); }
    });
    $("search").addEventListener("blur", () => { $("hits").hidden = true; });
    chart("map", (doc) => {
      const points = model(doc, "plants"), units = model(doc, "units"), figure = model(doc, "map");
      if ($("chart-map").clientWidth < 620) { figure.height = 400; figure.toolbar_location = "above"; }
      let due = null;
      const later = (run) => { clearTimeout(due); due = setTimeout(run, 60); };
      figure.properties.inner_width.change.connect(() => later(() => show(doc, view)));
      figure.properties.inner_height.change.connect(() => later(() => show(doc, view)));
      figure.x_range.properties.start.change.connect(() => later(() => nameCities(doc)));
      show(doc, view);
      points.selected.properties.indices.change.connect(() => { const i = points.selected.indices[0]; if (i !== undefined && shown[i]) select(plantCard(shown[i])); });
      units.selected.properties.indices.change.connect(() => { const i = units.selected.indices[0]; const c = i !== undefined && cities.get(cityOf(units.data.id[i])); if (c && !points.selected.indices.length) select(cityCard(c)); });
      // a finger scrolls the page first; the buttons move the map
      if (matchMedia("(pointer: coarse)").matches) model(doc, "map").toolbar.active_drag = null;
    });
    for (const key of Object.keys(charts)) near.observe($("chart-" + key));
    root.dataset.ready = "true";
    /* the rest when nothing else is to do, so that paper has every chart too */
    const idle = window.requestIdleCallback || ((run) => setTimeout(run, 200));
    const rest = () => { const key = Object.keys(charts).find((k) => !embedded.has(k)); if (key) { near.unobserve($("chart-" + key)); embed(key).then(() => idle(rest)); } };
    setTimeout(() => idle(rest), 1200);
    if (asked_ && document.getElementById(asked_)) explain(asked_);
  }
  begin();
})();
