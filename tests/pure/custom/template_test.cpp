#define TEST_SUITE custom_template
#include "tests/support/results.hpp"
#include "tests/support/test.hpp"

#include "apps/custom/definition.hpp"
#include "apps/custom/parameter.hpp"
#include "apps/custom/path_template.hpp"

using namespace troupe;
using namespace troupe::custom;
using test::error_of;
using test::value_of;

TEST(a placeholder can neither leave its segment nor add a parameter) {
  const auto t = value_of(path_template::parse("/v1/things/{id}/x?lang={lang}&n={id}"));
  CHECK_EQ(t.expand({{"id", "a/../b?c#d"}, {"lang", "d&e=f %"}}, ""),
    "/v1/things/a%2F..%2Fb%3Fc%23d/x?lang=d%26e%3Df%20%25&n=a%2F..%2Fb%3Fc%23d");
  CHECK_EQ(t.expand({{"id", "\xc3\xbc~-._"}}, ""), "/v1/things/%C3%BC~-._/x?lang=&n=%C3%BC~-._");
  CHECK(t.uses() == std::vector<path_template::use>{{"id", true}, {"lang", false}, {"id", false}});
}

TEST(a secret stands where the template says and nowhere else) {
  const auto t = value_of(path_template::parse("/x?key=${secret}&q={secret}"));
  CHECK(t.uses_secret());
  CHECK_EQ(t.expand({{"secret", "mine"}}, "s&t"), "/x?key=s%26t&q=mine");
  CHECK(!value_of(path_template::parse("/x?q={secret}")).uses_secret());
  CHECK_EQ(expand_header("Bearer ${secret}", "k"), "Bearer k");
  CHECK_EQ(expand_header("a${secret}b${secret}", "${secret}"), "a${secret}b${secret}");
}

TEST(a template that is wrong is refused with its column) {
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
         {"", "expected / at column 1"},
         {"v1/x", "expected / at column 1"},
         {"/a/{id", "expected } behind this { at column 4"},
         {"/a/{}", "expected a name of small letters, digits and _ at column 5"},
         {"/a/{Id}", "expected a name of small letters, digits and _ at column 5"},
         {"/a/${secre}", "expected ${secret} at column 4"},
         {"/a}", "expected a character that may stand in a URL, or its escape such as %20, at column 3"},
         {"/a b", "expected a character that may stand in a URL, or its escape such as %20, at column 3"},
         {"/a#b", "expected a character that may stand in a URL, or its escape such as %20, at column 3"},
         {"/a\r\nX: y", "expected a character that may stand in a URL, or its escape such as %20, at column 3"},
       }) {
    CHECK_EQ(error_of(path_template::parse(text)).message, message);
  }
}

TEST(a parameter is read from its specification) {
  const auto text = value_of(parse_parameter("city", "text 1..100"));
  CHECK(!text.fallback);
  CHECK_EQ(value_of(parse_value(text, "  Berlin ")), "Berlin");
  const auto number = value_of(parse_parameter("n", " int -5..40 = 20"));
  CHECK_EQ(number.fallback.value(), "20");
  CHECK_EQ(value_of(parse_value(number, "-5")), "-5");
  CHECK_EQ(value_of(parse_value(number, "007")), "7");
  const auto choice = value_of(parse_parameter("lang", "enum de | en = en"));
  CHECK_EQ(choice.fallback.value(), "en");
  CHECK_EQ(value_of(parse_value(choice, "de")), "de");
  CHECK_EQ(value_of(parse_parameter("q", "text 0..10 =")).fallback.value(), "");
}

TEST(a value outside of its parameter is refused by name) {
  const auto message = [](const char* specification, const std::string& given) {
    return error_of(parse_value(value_of(parse_parameter("p", specification)), given)).message;
  };
  CHECK_EQ(message("text 1..3", ""), "p: expected a text of 1 to 3 characters, got \"\"");
  CHECK_EQ(message("text 1..3", "  "), "p: expected a text of 1 to 3 characters, got \"  \"");
  CHECK_EQ(message("text 1..3", "four"), "p: expected a text of 1 to 3 characters, got \"four\"");
  CHECK_EQ(message("int 1..40", "41"), "p: expected a whole number from 1 to 40, got \"41\"");
  CHECK_EQ(message("int 1..40", "99999999999999999999"), "p: expected a whole number from 1 to 40, got "
                                                         "\"99999999999999999999\"");
  CHECK_EQ(message("int 1..40", "2.0"), "p: expected a whole number from 1 to 40, got \"2.0\"");
  CHECK_EQ(message("enum a|b|c", "A"), "p: expected a, b or c, got \"A\"");
  // characters, not bytes; well-formed, without control characters
  CHECK_EQ(value_of(parse_value(value_of(parse_parameter("p", "text 1..3")), "\xc3\xbc\xc3\xbc\xc3\xbc")).size(), 6u);
  for (const auto* bad : {"\xff", "a\nb", "a\x7f", "\xc2\x80"})
    CHECK(!parse_value(value_of(parse_parameter("p", "text 1..3")), bad));
  CHECK(message("text 1..3", std::string(1'000, 'x')).size() < 150);
}

TEST(a specification that is wrong is refused) {
  for (const auto* bad : {"", "text", "text 1", "text 5..1", "text -1..4", "text 0..0", "text 1..513", "int", "int 1..",
         "int a..b", "int 1..2..3", "enum", "enum |", "enum a||b", "enum a|a", "float 1..2", "text 1..5 = toolong",
         "int 1..5 = 6", "int 1..5 =", "enum a|b = c"})
    CHECK(!parse_parameter("p", bad));
  CHECK_EQ(error_of(parse_parameter("p", "int 1..5 = 6")).message, "expected a whole number from 1 to 5 behind =");
}

TEST(the path of a route gives its parameters in order) {
  CHECK(value_of(path_parameters("/api/v1/weather/{city}/{day}")) == std::vector<std::string>{"city", "day"});
  CHECK(value_of(path_parameters("/x")).empty());
  for (const auto* bad : {"", "x", "/", "/a//b", "/a/", "/a{b}", "/{a}b", "/{a}/{a}", "/a b", "/a?b", "/..", "/./x",
         "/{A}", "/{a}/{b}/{c}/{d}/{e}", "/%41"})
    CHECK(!path_parameters(bad));
}
