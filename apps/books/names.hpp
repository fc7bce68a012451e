// People's names, in the orders and lists in which programs and catalogues write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace troupe::books {

/// "Jr.", "III": it stays with a name.
[[nodiscard]] bool is_generation(std::string_view text) noexcept;

/// "Ph.D.", "MD": catalogues put it behind names.
[[nodiscard]] bool is_degree(std::string_view text) noexcept;

/// What follows a comma in a name without being a first name.
[[nodiscard]] inline bool is_name_suffix(std::string_view text) noexcept {
  return is_generation(text) || is_degree(text);
}

/// "Plato"
[[nodiscard]] inline bool is_one_word(std::string_view text) noexcept {
  return text.find(' ') == std::string_view::npos;
}

/// "Mander, Jerry" is "Jerry Mander", "King, Martin Luther, Jr." is "Martin Luther King Jr."; a name without a comma
/// stays.
[[nodiscard]] std::string turned_round(std::string_view name);

/// The names between separators, tidied, without empty ones.
[[nodiscard]] std::vector<std::string> split_names(std::string_view list, std::string_view separator);

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

} // namespace troupe::books
