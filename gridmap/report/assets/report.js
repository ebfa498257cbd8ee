// Sort a table by the column whose head is pressed; rows of totals stay where they are.
document.querySelectorAll("table.sortable").forEach(function (table) {
  table.querySelectorAll("thead button").forEach(function (button, place) {
    button.addEventListener("click", function () {
      var head = button.parentElement, body = table.tBodies[0];
      var down = head.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("thead th").forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      function value(row) {
        var text = row.cells[place].textContent.trim();
        var number = parseFloat(text.replace(/,/g, "").replace("\u2212", "-").replace("%", ""));
        return [isNaN(number) ? -Infinity : number, text, isNaN(number)];
      }
      var rows = Array.from(body.rows).filter(function (row) { return !row.classList.contains("strong"); });
      var totals = Array.from(body.rows).filter(function (row) { return row.classList.contains("strong"); });
      var words = rows.every(function (row) { return value(row)[2]; });
      rows.sort(function (one, other) {
        var a = value(one), b = value(other);
        var order = words ? a[1].localeCompare(b[1]) : a[0] - b[0];
        return down ? -order : order;
      });
      rows.concat(totals.length === 1 ? totals : []).forEach(function (row) { body.appendChild(row); });
      if (totals.length > 1) { totals.forEach(function (row) { row.hidden = true; }); }
    });
  });
});
