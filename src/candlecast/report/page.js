"use strict";
/* Draws the report's charts. All numbers are on the page; nothing is fetched. */
(() => {
  const byId = (id) => document.getElementById(id);
  const charts = JSON.parse(byId("charts").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;
  const config = {
    displaylogo: false,
    responsive: true,
    plotlyServerURL: "",
    modeBarButtonsToRemove: ["sendChartToCloud", "select2d", "lasso2d", "autoScale2d"],
    toImageButtonOptions: { scale: 2 },
  };

  /** Plotly's buttons would lie over the legend of a narrow chart. */
  const configFor = (element) => ({ ...config, displayModeBar: element.clientWidth < 640 ? false : "hover" });

  // ---- colours -------------------------------------------------------------------------------

  const PRINT_WIDTH = 680;
  let printing = false;
  let colours = {};

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    colours = {};
    for (const name of ["ground", "ink", "muted", "grid", "ours", "bands", "other0",
      "other1", "other2", "other3", "other4", "other5"]) {
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
  }

  /** "theme:name/opacity" as the browser's colour. */
  function colour(text) {
    const [name, opacity] = text.slice("theme:".length).split("/");
    const hex = colours[name];
    if (opacity === undefined) return hex;
    const part = (at) => parseInt(hex.slice(at, at + 2), 16);
    return `rgba(${part(1)}, ${part(3)}, ${part(5)}, ${opacity})`;
  }

  function isPlain(value) {
    return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
  }

  /** A copy with the theme's colours put in. */
  function themed(value) {
    if (typeof value === "string") return /^theme:\w+(\/[\d.]+)?$/.test(value) ? colour(value) : value;
    if (Array.isArray(value)) return typeof value[0] === "number" ? value : value.map(themed);
    if (!isPlain(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, themed(each)]));
  }

  function merged(base, over) {
    const result = { ...base };
    for (const [key, value] of Object.entries(over)) {
      result[key] = isPlain(value) && isPlain(result[key]) ? merged(result[key], value) : value;
    }
    return result;
  }

  function layoutOf(own) {
    const axis = {
      gridcolor: "theme:grid", zerolinecolor: "theme:grid", linecolor: "theme:grid",
      automargin: true, title: { font: { size: 12, color: "theme:muted" }, standoff: 8 },
    };
    const base = {
      autosize: true,
      paper_bgcolor: "rgba(0, 0, 0, 0)",
      plot_bgcolor: "rgba(0, 0, 0, 0)",
      font: { family: "system-ui, sans-serif", size: 12, color: "theme:ink" },
      margin: { l: 52, r: 12, t: 36, b: 44 },
      hoverlabel: { bgcolor: "theme:ground", bordercolor: "theme:muted", font: { color: "theme:ink" } },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
      modebar: { bgcolor: "rgba(0, 0, 0, 0)", color: "theme:muted", activecolor: "theme:ink" },
      dragmode: touch ? false : "zoom",
      uirevision: "kept",
      xaxis: axis,
      yaxis: axis,
    };
    if (printing) Object.assign(base, { autosize: false, width: PRINT_WIDTH });
    return themed(merged(base, own));
  }

  // ---- charts that are drawn as they are ------------------------------------------------------

  const drawn = new Set();

  /** Where a chart cannot be drawn its place says why; the others are drawn all the same. */
  async function draw(key) {
    const { data, layout } = charts[key];
    try {
      await react(byId(key), themed(data), layoutOf(layout));
    } catch (error) {
      tellFailure(byId(key), error);
    }
  }

  async function react(element, data, layout) {
    if (typeof Plotly === "undefined") throw new Error("Plotly, which draws the charts, did not load");
    await Plotly.react(element, data, layout, configFor(element));
  }

  function tellFailure(element, error) {
    element.classList.add("failed");
    element.textContent = `This chart cannot be drawn: ${error.message}.`;
  }

  const visible = (key) => byId(key).closest("[hidden]") === null;
  const pause = () => new Promise((resolve) => setTimeout(resolve));

  async function drawVisible() {
    for (const key of Object.keys(charts)) {
      if (drawn.has(key) || !visible(key)) continue;
      drawn.add(key);
      await draw(key);
      await pause();
    }
  }

  // ---- the price chart ------------------------------------------------------------------------

  async function unpacked(text, header) {
    if (typeof DecompressionStream === "undefined") {
      throw new Error("this browser has no DecompressionStream to unpack the prices with, which newer ones have");
    }
    const binary = atob(text);
    const packed = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) packed[i] = binary.charCodeAt(i);
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
    const columns = {};
    let at = 0;
    for (const [name, length, goesOn] of header.columns) {
      const out = new Int32Array(length);
      let before = 0;
      for (let i = at; i < at + length; i++) {
        const zigzag = bytes[i] | (bytes[i + length] << 8) | (bytes[i + 2 * length] << 16) |
          (bytes[i + 3 * length] << 24);
        const value = (zigzag >>> 1) ^ -(zigzag & 1);
        before = goesOn ? (before + value) | 0 : value;
        out[i - at] = before;
      }
      columns[name] = out;
      at += 4 * length;
    }
    return columns;
  }

  /** The first place in a rising array whose value is not below. */
  function placeOf(values, value) {
    let low = 0;
    let high = values.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (values[middle] < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function joined(first, second) {
    const whole = new Float64Array(first.length + second.length);
    whole.set(first);
    whole.set(second, first.length);
    return whole;
  }

  const ENDS = ["lo95", "lo80", "lo50", "hi50", "hi80", "hi95"];

  class Price {
    constructor(element, header, columns) {
      this.element = element;
      this.header = header;
      this.columns = columns;
      this.horizon = String(header.horizons[0]);
      this.candles = this.readCandles();
      this.forecasts = {};
      const { time } = this.candles;
      this.first = time[0];
      this.end = time[time.length - 1] + header.step;
      this.overview = this.summed(this.widthFor(this.first, this.end, 500), this.first, this.end);
      this.from = Math.max(this.first, this.end - header.opening * header.step);
      this.to = this.end;
    }

    prices(name) {
      const { tick, unknown } = this.header;
      return Float64Array.from(this.columns[name] ?? [], (value) => (value === unknown ? NaN : value * tick));
    }

    times(name) {
      const { first, step } = this.header;
      return Float64Array.from(this.columns[name] ?? [], (value) => first + value * step);
    }

    readCandles() {
      const { close, open, up, down } = this.columns;
      const { tick } = this.header;
      const fine = { open: new Float64Array(close.length), high: new Float64Array(close.length),
        low: new Float64Array(close.length), close: new Float64Array(close.length) };
      let before = 0;
      for (let i = 0; i < close.length; i++) {
        const opened = before + open[i];
        fine.open[i] = opened * tick;
        fine.close[i] = close[i] * tick;
        fine.high[i] = (Math.max(opened, close[i]) + up[i]) * tick;
        fine.low[i] = (Math.min(opened, close[i]) - down[i]) * tick;
        before = close[i];
      }
      this.fine = { time: this.times("time"), close: fine.close };
      const candles = { time: joined(this.times("old_time"), this.fine.time) };
      for (const name of ["open", "high", "low", "close"]) {
        candles[name] = joined(this.prices(`old_${name}`), fine[name]);
      }
      return candles;
    }

    /** Mean and ends of the bands at each target, worked out once a horizon. */
    forecast() {
      this.forecasts[this.horizon] ??= this.readForecast(this.horizon);
      return this.forecasts[this.horizon];
    }

    readForecast(horizon) {
      const { header, columns } = this;
      const { row } = columns;
      const [ahead, mean, scale, degrees] = ["ahead", "mean", "scale", "degrees"].map((name) => columns[name + horizon]);
      const location = columns[`location${horizon}`] ?? mean;
      const reach = ["50", "80", "95"].map((level) => columns[`reach${level}_${horizon}`]);
      const reachBelow = ["50", "80", "95"].map((level, n) => columns[`below${level}_${horizon}`] ?? reach[n]);
      const banded = scale ?? reach[0];
      const width = (value) => (value === header.unknown ? NaN : Math.exp(value * header.log_scale_unit));
      const table = header[`table${horizon}`];
      const away = (i, level, side) => (side[0] ? width(side[level][i]) : width(scale[i]) * table[degrees[i]][level]);
      const fine = { time: new Float64Array(row.length), mean: new Float64Array(row.length) };
      if (banded) for (const end of ENDS) fine[end] = new Float64Array(row.length);
      const move = (value) => (value === header.unknown ? NaN : value * header.return_unit);
      for (let i = 0; i < row.length; i++) {
        const last = this.fine.close[row[i]];
        fine.time[i] = this.fine.time[row[i]] + ahead[i] * header.step;
        fine.mean[i] = last * Math.exp(move(mean[i]));
        if (!banded) continue;
        const centre = move(location[i]);
        fine.lo50[i] = last * Math.exp(centre - away(i, 0, reachBelow));
        fine.hi50[i] = last * Math.exp(centre + away(i, 0, reach));
        fine.lo80[i] = last * Math.exp(centre - away(i, 1, reachBelow));
        fine.hi80[i] = last * Math.exp(centre + away(i, 1, reach));
        fine.lo95[i] = last * Math.exp(centre - away(i, 2, reachBelow));
        fine.hi95[i] = last * Math.exp(centre + away(i, 2, reach));
      }
      const all = { time: joined(this.times(`old_at${horizon}`), fine.time),
        mean: joined(this.prices(`old_mean${horizon}`), fine.mean) };
      if (banded) for (const end of ENDS) all[end] = joined(this.prices(`old_${end}_${horizon}`), fine[end]);
      return all;
    }

    /** The length of time that one drawn candle stands for, in milliseconds. */
    widthFor(from, to, most) {
      const { step, widths, fine_from: fineFrom, coarse_width: coarse } = this.header;
      const least = Math.max((to - from) / most, step, coarse !== null && from < fineFrom ? coarse : 0);
      return widths.find((width) => width >= least && width % step === 0) ?? Math.ceil(least / step) * step;
    }

    bucket(time, width) {
      const base = this.header.first % this.header.step;
      return Math.floor((time - base) / width) * width + base;
    }

    summed(width, from, to) {
      const { time, open, high, low, close } = this.candles;
      const sums = { time: [], open: [], high: [], low: [], close: [] };
      const stop = placeOf(time, to);
      let at = -1;
      for (let i = placeOf(time, this.bucket(from, width)); i < stop; i++) {
        const start = this.bucket(time[i], width);
        if (at < 0 || sums.time[at] !== start) {
          at = sums.time.push(start) - 1;
          sums.open.push(open[i]); sums.high.push(high[i]); sums.low.push(low[i]); sums.close.push(close[i]);
        } else {
          if (high[i] > sums.high[at]) sums.high[at] = high[i];
          if (low[i] < sums.low[at]) sums.low[at] = low[i];
          sums.close[at] = close[i];
        }
      }
      return sums;
    }

    summedForecast(width, from, to) {
      const all = this.forecast();
      const names = ENDS.filter((end) => end in all);
      const sums = { time: [], mean: [] };
      for (const name of names) sums[name] = [];
      const stop = placeOf(all.time, to);
      let at = -1;
      for (let i = placeOf(all.time, this.bucket(from, width)); i < stop; i++) {
        const start = this.bucket(all.time[i], width);
        if (at < 0 || sums.time[at] !== start) {
          at = sums.time.push(start) - 1;
          sums.mean.push(all.mean[i]);
          for (const name of names) sums[name].push(all[name][i]);
          continue;
        }
        sums.mean[at] = all.mean[i];
        for (const name of names) {
          const value = all[name][i];
          const reached = name[0] === "l" ? value < sums[name][at] : value > sums[name][at];
          if (reached || Number.isNaN(sums[name][at])) sums[name][at] = value;
        }
      }
      return sums;
    }

    /** One closed outline for each stretch without a hole. */
    outline(sums, low, high, width) {
      const x = [];
      const y = [];
      for (let begin = 0; begin < sums.time.length;) {
        let stop = begin + 1;
        while (stop < sums.time.length && sums.time[stop] - sums.time[stop - 1] === width &&
          !Number.isNaN(sums[low][stop])) stop++;
        if (!Number.isNaN(sums[low][begin])) {
          for (let i = begin; i < stop; i++) { x.push(sums.time[i]); y.push(sums[high][i]); }
          for (let i = stop - 1; i >= begin; i--) { x.push(sums.time[i]); y.push(sums[low][i]); }
          x.push(null); y.push(null);
        }
        begin = stop;
      }
      return { x, y };
    }

    /** The mean with a hole where the time has one. */
    broken(sums, width) {
      const line = { x: [], y: [], customdata: [] };
      sums.time.forEach((time, i) => {
        if (i && time - sums.time[i - 1] > width) {
          line.x.push(time - width); line.y.push(null); line.customdata.push(null);
        }
        line.x.push(time);
        line.y.push(Number.isFinite(sums.mean[i]) ? sums.mean[i] : null);
        line.customdata.push(ENDS.map((end) => (end in sums ? sums[end][i] : null)));
      });
      return line;
    }

    traces(candles, sums, width) {
      const bands = "lo95" in sums ? [["95", 0.16], ["80", 0.2], ["50", 0.3]].map(([level, opacity]) => ({
        type: "scatter", mode: "lines", name: `${level} % band`, line: { width: 0 }, fill: "toself",
        fillcolor: `theme:bands/${opacity}`, hoverinfo: "skip", legendrank: 1100 - Number(level),
        ...this.outline(sums, `lo${level}`, `hi${level}`, width),
      })) : [];
      const format = `,.${this.header.digits}f`;
      const pair = (low, high) => `%{customdata[${low}]:${format}} to %{customdata[${high}]:${format}}`;
      const spread = bands.length ? `<br>50 %: ${pair(2, 3)}<br>80 %: ${pair(1, 4)}<br>95 %: ${pair(0, 5)}` : "";
      const line = this.broken(sums, width);
      return [
        ...bands,
        {
          type: "candlestick", name: "real", x: candles.time, open: candles.open, high: candles.high,
          low: candles.low, close: candles.close, legendrank: 900, yhoverformat: format,
          increasing: { line: { color: "theme:ink", width: 1 }, fillcolor: "theme:ground" },
          decreasing: { line: { color: "theme:ink", width: 1 }, fillcolor: "theme:ink" },
        },
        {
          type: "scatter", mode: line.x.length > 1 ? "lines" : "markers", name: "forecast", legendrank: 950,
          line: { color: "theme:ours", width: 1.6 }, marker: { color: "theme:ours" },
          hovertemplate: `%{y:${format}}${spread}`, ...line,
        },
        {
          type: "scatter", mode: this.overview.time.length > 1 ? "lines" : "markers", x: this.overview.time,
          y: this.overview.close, xaxis: "x2", yaxis: "y2", showlegend: false, hoverinfo: "skip",
          line: { color: "theme:muted", width: 1 }, marker: { color: "theme:muted" },
        },
      ];
    }

    extent(candles, sums) {
      let low = Infinity;
      let high = -Infinity;
      for (const values of [candles.low, sums.mean, sums.lo95 ?? []]) for (const each of values) if (each < low) low = each;
      for (const values of [candles.high, sums.mean, sums.hi95 ?? []]) for (const each of values) if (each > high) high = each;
      if (!Number.isFinite(low) || !Number.isFinite(high)) return undefined;
      const room = (high - low) * 0.04 || Math.abs(high) * 1e-4;
      return [low - room, high + room];
    }

    layout(range) {
      const own = {
        hovermode: "x unified",
        dragmode: touch ? "pan" : "zoom",
        xaxis: { type: "date", range: [this.from, this.to], rangeslider: { visible: false }, anchor: "y",
          hoverformat: "%Y-%m-%d %H:%M", uirevision: this.from + this.to },
        yaxis: { title: { text: this.header.price_label }, domain: [0.22, 1], fixedrange: true,
          tickformat: ",.6~g", ...(range ? { range } : {}) },
        xaxis2: { type: "date", range: [this.first, this.end], anchor: "y2", showgrid: false,
          title: { text: "time (UTC)" },
          uirevision: this.from + this.to },
        yaxis2: { domain: [0, 0.12], fixedrange: true, showticklabels: false, showgrid: false, zeroline: false },
        shapes: [{ type: "rect", xref: "x2", yref: "y2 domain", x0: this.from, x1: this.to, y0: 0, y1: 1,
          fillcolor: "theme:ours/0.2", line: { color: "theme:ours", width: 1 } }],
        showlegend: true,
      };
      const axis = layoutOf({}).xaxis;
      const whole = layoutOf(own);
      whole.xaxis2 = merged(axis, whole.xaxis2);
      whole.yaxis2 = merged(axis, whole.yaxis2);
      return whole;
    }

    async draw() {
      const most = Math.min(Math.max(this.element.clientWidth / 3, 100), this.header.most_drawn);
      const width = this.widthFor(this.from, this.to, most);
      const candles = this.summed(width, this.from, this.to);
      const sums = this.summedForecast(width, this.from, this.to);
      await react(this.element, themed(this.traces(candles, sums, width)),
        this.layout(this.extent(candles, sums)));
      this.tell(width, candles.time.length);
    }

    tell(width, count) {
      const minute = (time) => new Date(time).toISOString().slice(0, 16).replace("T", " ");
      byId("price-status").textContent = `${minute(this.from)} to ${minute(this.to)} UTC, ` +
        `${count.toLocaleString("en")} candles of ${inWords(width)}` +
        (width > this.header.step ? ": each sums several up, and its band spans the reach of theirs." : ".");
      for (const button of document.querySelectorAll("[data-span]")) {
        const span = button.dataset.span === "all" ? this.end - this.first : Number(button.dataset.span);
        button.setAttribute("aria-pressed", String(Math.abs(this.to - this.from - span) < 1));
      }
    }

    show(from, to) {
      const least = Math.min(5 * this.header.step, this.end - this.first);
      const span = Math.min(Math.max(to - from, least), this.end - this.first);
      const middle = (from + to) / 2;
      this.from = Math.min(Math.max(middle - span / 2, this.first), this.end - span);
      this.to = this.from + span;
      return this.draw();
    }

    /** Follow what the reader does to either time axis. */
    follow(change) {
      if (change["xaxis.autorange"] || change["xaxis2.autorange"]) { this.show(this.first, this.end); return; }
      for (const axis of ["xaxis2", "xaxis"]) {
        const range = change[`${axis}.range`] ?? [change[`${axis}.range[0]`], change[`${axis}.range[1]`]];
        if (range[0] !== undefined && range[1] !== undefined) { this.show(...range.map(moment)); return; }
      }
    }

    async start() {
      await this.draw();
      this.element.on("plotly_relayout", (change) => this.follow(change));
      for (const button of document.querySelectorAll("[data-span]")) {
        button.addEventListener("click", () => {
          if (button.dataset.span === "all") { this.show(this.first, this.end); return; }
          this.show(this.to - Number(button.dataset.span), this.to);
        });
      }
      for (const button of document.querySelectorAll("[data-step]")) {
        button.addEventListener("click", () => {
          const by = Number(button.dataset.step) * (this.to - this.from) * 0.8;
          this.show(this.from + by, this.to + by);
        });
      }
    }
  }

  /** Plotly's dates are UTC without saying so. */
  function moment(value) {
    if (typeof value === "number") return value;
    const text = String(value).replace(" ", "T");
    return Date.parse(text.includes("T") ? `${text}Z` : `${text}T00:00Z`);
  }

  function inWords(milliseconds) {
    const units = [["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
    const seconds = milliseconds / 1000;
    const [name, length] = units.find(([, each]) => seconds % each === 0) ?? units[4];
    const count = seconds / length;
    return `${count.toLocaleString("en")} ${name}${count === 1 ? "" : "s"}`;
  }

  let price = null;

  async function unpackPrice() {
    const header = byId("price-header");
    if (!header) return null;
    const parsed = JSON.parse(header.textContent);
    return new Price(byId("price"), parsed, await unpacked(byId("price-columns").textContent, parsed));
  }

  // ---- the page -------------------------------------------------------------------------------

  function redrawAll() {
    readColours();
    const others = [...drawn].filter(visible).map(draw);
    return Promise.all(price ? [price.draw(), ...others] : others);
  }

  /** Paper is light and narrow. */
  function setPrinting(on) {
    printing = on;
    document.documentElement.toggleAttribute("data-printing", on);
    redrawAll();
  }

  async function chooseHorizon(horizon) {
    for (const button of document.querySelectorAll("[data-choose]")) {
      button.setAttribute("aria-pressed", String(button.dataset.choose === horizon));
    }
    for (const block of document.querySelectorAll("[data-horizon]")) {
      block.hidden = block.dataset.horizon !== horizon;
    }
    if (price) price.horizon = horizon;
    await redrawAll();
    await drawVisible();
  }

  /** Where the prices cannot be unpacked or drawn, the status says why. */
  async function startPrice() {
    try {
      price = await unpacking;
      if (price) await price.start();
    } catch (error) {
      price = null;
      byId("price-status").textContent = `The price chart cannot be drawn: ${error.message}.`;
      tellFailure(byId("price"), error);
      for (const button of document.querySelectorAll("[data-span], [data-step]")) button.disabled = true;
    }
  }

  async function startPage() {
    await startPrice();
    performance.mark("first-draw");
    await pause();
    for (const button of document.querySelectorAll("[data-choose]")) {
      button.addEventListener("click", () => chooseHorizon(button.dataset.choose));
    }
    dark.addEventListener("change", redrawAll);
    addEventListener("beforeprint", () => setPrinting(true));
    addEventListener("afterprint", () => setPrinting(false));
    await drawVisible();
    performance.mark("all-drawn");
    document.body.dataset.state = "ready";
  }

  // This script stands before Plotly's: prices unpack while the browser reads that.
  readColours();
  const unpacking = unpackPrice();
  unpacking.catch(() => undefined); // startPrice, which comes later, tells
  addEventListener("DOMContentLoaded", startPage);
})();
