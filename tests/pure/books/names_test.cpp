#define TEST_SUITE books.names
#include "tests/support/test.hpp"

#include "apps/books/names.hpp"

using namespace troupe::books;

namespace {

using texts = std::vector<std::string>;

} // namespace

TEST(what only follows a name is told from names) {
  for (auto text : {"Jr.", " jr", "III", "Ph.D.", "PhD", "M.D.", "D. Phil."})
    CHECK(is_name_suffix(text));
  for (auto text : {"", ".", "Frank", "Junior", "V", "Ph.D.s and all", "\u00C9dd"})
    CHECK(!is_name_suffix(text));
  CHECK(is_generation("Jr.") && !is_degree("Jr."));
  CHECK(is_degree("RN") && !is_generation("RN"));
}

TEST(names are turned round) {
  CHECK_EQ(turned_round("Mander, Jerry"), "Jerry Mander");
  CHECK_EQ(turned_round("King, Martin Luther, Jr."), "Martin Luther King Jr.");
  CHECK_EQ(turned_round("King, Jr."), "King Jr.");
  CHECK_EQ(turned_round("García  Márquez ,  Gabriel"), "Gabriel García Márquez");
  CHECK_EQ(turned_round("Plato"), "Plato");
  CHECK_EQ(turned_round("Plato,"), "Plato");
  CHECK_EQ(turned_round(""), "");
}

TEST(a list of names keeps what only follows a name) {
  CHECK_EQ(names_with_commas("J.K. Rowling, Mary  GrandPré,"), (texts{"J.K. Rowling", "Mary GrandPré"}));
  CHECK_EQ(
    names_with_commas("Kurt Vonnegut, Jr., Bob Nelson, Ph.D."), (texts{"Kurt Vonnegut, Jr.", "Bob Nelson, Ph.D."}));
  CHECK_EQ(names_with_commas(""), texts{});
}

TEST(a plain cell is one person or several as it is written) {
  CHECK_EQ(names_of_anything("Herbert, Frank", true), texts{"Frank Herbert"});
  CHECK_EQ(names_of_anything("Le Guin, Ursula", true), texts{"Ursula Le Guin"});
  CHECK_EQ(names_of_anything("Le Guin, Ursula K.", true), texts{"Ursula K. Le Guin"});
  CHECK_EQ(names_of_anything("Frank Herbert, Brian Herbert", true), (texts{"Frank Herbert", "Brian Herbert"}));
  CHECK_EQ(names_of_anything("Plato, Benjamin Jowett", false), (texts{"Plato", "Benjamin Jowett"}));
  CHECK_EQ(
    names_of_anything("Herbert, Frank; Anderson, Kevin J.", true), (texts{"Frank Herbert", "Kevin J. Anderson"}));
  CHECK_EQ(names_of_anything("Terry Pratchett & Neil Gaiman", true), (texts{"Terry Pratchett", "Neil Gaiman"}));
  CHECK_EQ(names_of_anything("A|B", false), (texts{"A", "B"}));
  CHECK_EQ(names_of_anything("Kurt Vonnegut, Jr.", true), texts{"Kurt Vonnegut, Jr."});
  CHECK_EQ(names_of_anything("", true), texts{});
}

TEST(the sort names of calibre tell how many people there are) {
  CHECK_EQ(names_of_calibre("Seanan McGuire", "McGuire, Seanan"), texts{"Seanan McGuire"});
  CHECK_EQ(names_of_calibre("Terry Pratchett, Neil Gaiman", "Pratchett, Terry & Gaiman, Neil"),
    (texts{"Terry Pratchett", "Neil Gaiman"}));
  CHECK_EQ(names_of_calibre("Smith, Jones and Co", "Smith, Jones and Co"), texts{"Smith, Jones and Co"});
  CHECK_EQ(names_of_calibre("Terry Pratchett & Neil Gaiman", ""), (texts{"Terry Pratchett", "Neil Gaiman"}));
  CHECK_EQ(names_of_calibre("A B, C D", ""), (texts{"A B", "C D"}));
}
