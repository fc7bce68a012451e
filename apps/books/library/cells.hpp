// What stands in the cells of an export, read as it was meant: numbers that a spreadsheet has changed, people's names
// in the order in which each program writes them, titles with their series.
#pragma once

#include "apps/books/isbn.hpp"
#include "messages/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace troupe::books::library {

/// A cell without what keeps spreadsheets from changing it: ="9780..." (Goodreads), a leading apostrophe, brackets
/// (LibraryThing), and spaces.
[[nodiscard]] std::string_view bare(std::string_view cell) noexcept;

/// An ISBN of a cell, after repairing what can only have been one number: lost leading zeros (439023483), a number as
/// data tools write it (9780439023481.0) or in scientific notation with all of its digits (9.780439023481e+12),
/// "ISBN-13:" before it. Fails with ec::bad_request and says what is wrong. Digits that a spreadsheet has dropped
/// (9.78044E+12) are lost: the check digit would fit a tenth of all guesses.
[[nodiscard]] result<isbn> repaired_isbn(std::string_view cell);

/// "Mander, Jerry" is "Jerry Mander", "King, Martin Luther, Jr." is "Martin Luther King Jr."; a name without a comma
/// stays.
[[nodiscard]] std::string turned_round(std::string_view name);

/// The names of a list with commas: "J.K. Rowling, Mary GrandPré". What only follows a name ("Jr.", "PhD") stays with
/// it.
[[nodiscard]] std::vector<std::string> names_with_commas(std::string_view list);

/// The names of a cell of a file that nobody has agreed on. `;`, `|` and ` & ` separate people, and a comma in one of
/// them turns it round. Otherwise commas separate people, too: but in a cell that holds `one` as a rule, "Herbert,
/// Frank" and "Le Guin, Ursula K." are one, because a first name is one word, or ends with an initial.
[[nodiscard]] std::vector<std::string> names_of_anything(std::string_view cell, bool one);

/// calibre joins authors with commas, and has the same people in `sort` ("King, Martin Luther, Jr. & Abbott, Megan"),
/// which tells how many there are.
[[nodiscard]] std::vector<std::string> names_of_calibre(std::string_view list, std::string_view sort);

/// The names between separators, trimmed, without empty ones.
[[nodiscard]] std::vector<std::string> split_names(std::string_view list, char separator);

/// A title without the series behind it: "Warbreaker (Warbreaker, #1)" is "Warbreaker". The number sign tells a series
/// from a subtitle in brackets.
[[nodiscard]] std::string_view without_series(std::string_view title) noexcept;

} // namespace troupe::books::library
