"use strict";
(() => {
  const [ID, SCORER, BEFORE, AFTER, DELTA, BUCKET, Q, CONFIRMED, FAILURE] = Array(9).keys();
  const PAGE_ROWS = 25;
  const MOST_MARKS = 12;
  const TONES = { regressed: "worse", improved: "better", unchanged: "neutral", new: "neutral",
    relabelled: "neutral" };
  const natural = new Intl.Collator("en", { numeric: true });

  // Texts only ever become text nodes: whatever an id is, it is not markup.
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children.filter((child) => child !== null));
    return element;
  };
  const mean = (scores) =>
    scores.length && scores.every((score) => typeof score === "number")
      ? scores.reduce((sum, score) => sum + score, 0) / scores.length
      : null;

  const written = (value, scorer, sign) => {
    const shown = scorer.percent ? 100 * value : value;
    const text = shown.toFixed(scorer.decimals).replace(/^-(?=0(\.0*)?$)/, "");
    return (sign && !text.startsWith("-") ? "+" + text : text).replace("-", "\u2212");
  };

  const scores = (values, scorer) => {
    if (!values.length) return make("span", { className: "detail" }, "–");
    const average = mean(values);
    if (average === null) return make("span", {}, values.join(", "));
    const full = values.map(String).join(", ");
    const rights = scorer.percent && values.every((value) => value === 0 || value === 1);
    let number = written(average, scorer, false) + (scorer.percent ? "%" : "");
    if (rights && values.length === 1) number = values[0] ? "right" : "wrong";
    else if (rights) number = `${values.filter((value) => value === 1).length}/${values.length}`;
    const marks =
      rights && values.length > 1 && values.length <= MOST_MARKS
        ? make("span", { className: "marks", ariaHidden: "true" },
            values.map((value) => (value ? "●" : "○")).join(""))
        : null;
    return make("span", { title: full }, marks, number);
  };

  const columns = (data) => [
    { name: "Id", key: (row) => row[ID], cell: (row) => String(row[ID]) },
    { name: "Scorer", key: (row) => row[SCORER], cell: (row) => data.scorers[row[SCORER]].name,
      hidden: data.scorers.length < 2 },
    { name: "Baseline", key: (row) => mean(row[BEFORE]) ?? row[BEFORE].join(),
      cell: (row) => scores(row[BEFORE], data.scorers[row[SCORER]]) },
    { name: "Candidate", key: (row) => mean(row[AFTER]) ?? row[AFTER].join(),
      cell: (row) => scores(row[AFTER], data.scorers[row[SCORER]]) },
    { name: "Delta", key: (row) => row[DELTA],
      cell: (row) => {
        if (row[DELTA] === null) return "–";
        const scorer = data.scorers[row[SCORER]];
        return written(row[DELTA], scorer, true) + (scorer.percent ? " pp" : "");
      } },
    { name: "Change", key: (row) => row[BUCKET] - row[CONFIRMED] / 2,
      cell: (row) => {
        const [name, glyph] = data.buckets[row[BUCKET]];
        const pill = make("span", { className: "pill " + (TONES[name] ?? "doubtful") }, `${glyph} ${name}`);
        if (row[Q] === null) return pill;
        const q = row[Q] < 0.001 ? "q < 0.001" : `q ${row[Q].toPrecision(2)}`;
        return make("span", {}, pill, " ", make("small", {}, row[CONFIRMED] ? `confirmed, ${q}` : q));
      } },
    { name: "Failures", key: (row) => row[FAILURE], cell: (row) => row[FAILURE] },
  ].filter((column) => !column.hidden);

  // Numbers go before texts, and what is missing goes last in either direction.
  const compare = (key, direction) => (one, other) => {
    const [a, b] = [key(one), key(other)];
    const [noA, noB] = [a === null || a === "", b === null || b === ""];
    if (noA || noB) return noA - noB;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return direction * (typeof a === "number" ? a - b : natural.compare(a, b));
  };

  function table(root) {
    const data = JSON.parse(root.querySelector("script").textContent);
    const shownColumns = columns(data);
    const texts = data.rows.map((row) => String(row[ID]).toLowerCase());
    const state = { text: "", exact: null, scorer: "", buckets: new Set(), confirmed: false,
      column: null, direction: 1, page: 0 };
    let rows = [];

    const search = make("input", { type: "search", placeholder: "Find an id", ariaLabel: "Find an id" });
    const scorerChoice = make("select", { ariaLabel: "Scorer" },
      make("option", { value: "" }, "All scorers"),
      ...data.scorers.map((scorer, number) => make("option", { value: String(number) }, scorer.name)));
    scorerChoice.hidden = data.scorers.length < 2;
    const counts = data.buckets.map(() => 0);
    data.rows.forEach((row) => { counts[row[BUCKET]] += 1; });
    const chip = (text, toggle) => {
      const button = make("button", { type: "button", className: "chip", ariaPressed: "false" }, text);
      button.addEventListener("click", () => {
        button.ariaPressed = String(toggle());
        state.page = 0;
        update();
      });
      return button;
    };
    const chips = data.buckets.map(([name, glyph], number) => counts[number]
      ? chip(`${glyph} ${name} ${counts[number].toLocaleString("en")}`, () => {
          if (!state.buckets.delete(number)) state.buckets.add(number);
          return state.buckets.has(number);
        })
      : null);
    const confirmed = data.rows.some((row) => row[CONFIRMED])
      ? chip("confirmed", () => (state.confirmed = !state.confirmed)) : null;

    const pressable = [...chips, confirmed].filter((button) => button !== null);

    const headers = shownColumns.map((column) => {
      const button = make("button", { type: "button" }, column.name);
      const header = make("th", { scope: "col" }, button);
      button.addEventListener("click", () => {
        state.direction = state.column === column ? -state.direction : 1;
        state.column = column;
        state.page = 0;
        update();
      });
      return header;
    });
    const body = make("tbody");
    const place = make("span", { ariaLive: "polite" });
    const turn = (text, label, by) => {
      const button = make("button", { type: "button", ariaLabel: label }, text);
      button.addEventListener("click", () => { state.page += by; draw(); });
      return button;
    };
    const [back, on] = [turn("←", "Previous page", -1), turn("→", "Next page", 1)];

    function update() {
      const text = state.text.toLowerCase();
      rows = data.rows.filter((row, number) =>
        (state.exact === null ? texts[number].includes(text) : String(row[ID]) === state.exact) &&
        (state.scorer === "" || row[SCORER] === Number(state.scorer)) &&
        (!state.buckets.size || state.buckets.has(row[BUCKET])) &&
        (!state.confirmed || row[CONFIRMED]));
      if (state.column) {
        rows.sort(compare(state.column.key, state.direction));
      } else {
        // What got worse comes first, and first of all what did for certain; differences of two
        // scorers do not compare.
        rows.sort((one, other) => one[BUCKET] - other[BUCKET] || other[CONFIRMED] - one[CONFIRMED] ||
          one[SCORER] - other[SCORER] || Math.abs(other[DELTA] ?? 0) - Math.abs(one[DELTA] ?? 0));
      }
      headers.forEach((header, number) => {
        if (shownColumns[number] !== state.column) header.removeAttribute("aria-sort");
        else header.setAttribute("aria-sort", state.direction > 0 ? "ascending" : "descending");
      });
      draw();
    }

    function draw() {
      const first = state.page * PAGE_ROWS;
      const shown = rows.slice(first, first + PAGE_ROWS);
      body.replaceChildren(...shown.map((row) => make("tr", {}, ...shownColumns.map((column, number) =>
        make(number ? "td" : "th", number ? {} : { scope: "row" }, column.cell(row))))));
      const last = first + shown.length;
      const total = rows.length.toLocaleString("en");
      place.textContent = rows.length
        ? `${(first + 1).toLocaleString("en")}–${last.toLocaleString("en")} of ${total}`
        : "no row matches";
      back.disabled = first === 0;
      on.disabled = last >= rows.length;
    }

    search.addEventListener("input", () => {
      Object.assign(state, { text: search.value, exact: null, page: 0 });
      update();
    });
    scorerChoice.addEventListener("change", () => {
      Object.assign(state, { scorer: scorerChoice.value, page: 0 });
      update();
    });
    document.addEventListener("click", ({ target }) => {
      const dot = target.closest?.("circle[data-id]");
      if (!dot || dot.closest("svg").dataset.table !== root.id) return;
      // The id may be one that the other filters leave out.
      search.value = dot.dataset.id;
      scorerChoice.value = "";
      pressable.forEach((button) => { button.ariaPressed = "false"; });
      state.buckets.clear();
      Object.assign(state, { exact: dot.dataset.id, scorer: "", confirmed: false, page: 0 });
      update();
      root.scrollIntoView({ block: "center" });
    });

    root.append(
      make("div", { className: "controls" }, search, scorerChoice, ...pressable),
      make("div", { className: "scroll" },
        make("table", { ariaLabel: "All samples" }, make("thead", {}, make("tr", {}, ...headers)), body)),
      make("div", { className: "pages" }, back, on, place));
    update();
  }

  document.querySelectorAll(".samples").forEach(table);
})();
