// What stands in the cells of an export, read as it was meant: numbers that a spreadsheet has changed, and titles with
// their series.
#pragma once

#include "apps/books/isbn.hpp"
#include "messages/result.hpp"

#include <string>
#include <string_view>

namespace troupe::books::library {

/// A cell without what keeps spreadsheets from changing it: ="9780..." (Goodreads), a leading apostrophe, brackets
/// (LibraryThing), and spaces.
[[nodiscard]] std::string_view bare(std::string_view cell) noexcept;

/// A cell for a message: one line of well-formed UTF-8, cut after some 60 bytes.
[[nodiscard]] std::string shown(std::string_view cell);

/// An ISBN of a cell, after repairing what can only have been one number: lost leading zeros (439023483), a number as
/// data tools write it (9780439023481.0) or in scientific notation with all of its digits (9.780439023481e+12),
/// "ISBN-13:" before it. Fails with ec::bad_request and says what is wrong. Digits that a spreadsheet has dropped
/// (9.78044E+12) are lost: the check digit would fit a tenth of all guesses.
[[nodiscard]] result<isbn> repaired_isbn(std::string_view cell);

/// A title without the series behind it: "Warbreaker (Warbreaker, #1)" is "Warbreaker". The number sign tells a series
/// from a subtitle in brackets.
[[nodiscard]] std::string_view without_series(std::string_view title) noexcept;

} // namespace troupe::books::library
