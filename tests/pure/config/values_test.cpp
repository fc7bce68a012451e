#define TEST_SUITE config_values
#include "tests/support/test.hpp"

#include "apps/config/nearest.hpp"
#include "apps/config/values.hpp"

using namespace troupe;
using namespace troupe::config;

namespace {

/// What a text becomes and is written as again; "(no)" when it is refused.
template <class T>
std::string again(std::string_view text) {
  auto parsed = T{};
  return parse(text, parsed) ? format(parsed) : "(no)";
}

template <class T>
void refuses(std::initializer_list<std::string_view> texts) {
  for (const auto text : texts)
    CHECK_EQ(again<T>(text), "(no)");
}

} // namespace

TEST(a duration is a whole number with a unit and is written with its largest) {
  auto d = duration{};
  CHECK(parse("800ms", d) && d == std::chrono::milliseconds{800});
  CHECK(parse("7d", d) && d == std::chrono::hours{168});
  CHECK(parse("15us", d) && d.count() == 15);
  CHECK_EQ(again<duration>("3600s"), "1h");
  CHECK_EQ(again<duration>("90m"), "90m");
  CHECK_EQ(again<duration>("0ms"), "0s");
  CHECK_EQ(again<duration>("1m"), "60s");
  CHECK_EQ(again<duration>("1d"), "24h");
  CHECK_EQ(again<duration>("120s"), "2m");
  refuses<duration>({"", "10", "s", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1min", "1h30m", "1ss",
    "9223372036854775807d", "99999999999999999999s"});
}

TEST(a size is a whole number with a decimal or a binary unit) {
  auto size = byte_size{};
  CHECK(parse("256MiB", size) && size.count == 268'435'456);
  CHECK(parse("8MB", size) && size.count == 8'000'000);
  CHECK_EQ(again<byte_size>("1024KiB"), "1MiB");
  CHECK_EQ(again<byte_size>("1500B"), "1500B");
  CHECK_EQ(again<byte_size>("0MiB"), "0B");
  refuses<byte_size>({"", "lots", "256", "256mib", "1.5GiB", "-1B", "1 MiB", "9999999TiB"});
}

TEST(a quota is a number in a duration) {
  auto q = quota{};
  CHECK(parse("100/60s", q) && q.count == 100 && q.window == std::chrono::seconds{60});
  CHECK_EQ(again<quota>("5/1m"), "5/60s");
  refuses<quota>(
    {"", "5/500ms", "5/1500ms", "100", "100/", "/60s", "0/60s", "100/0s", "100/60", "-1/60s", "2/1us", "1/2/3s"});
}

TEST(an address is an IP address and a port) {
  auto a = address{};
  CHECK(parse("[::1]:8787", a) && a.host == "::1" && a.port == 8787);
  CHECK_EQ(again<address>("[::1]:8787"), "[::1]:8787");
  CHECK_EQ(again<address>("0.0.0.0:0"), "0.0.0.0:0");
  CHECK_EQ(again<address>("localhost:65535"), "127.0.0.1:65535");
  refuses<address>({"", "8787", ":8787", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80x",
    "::1:8787", "[127.0.0.1]:80", "[::1]8787", "example.com:80", "1.2.3:80", "256.1.1.1:80",
    std::string_view{"1.2.3.4\0:80", 11}});
}

TEST(a URL is scheme and authority and prefix without a slash at its end) {
  CHECK_EQ(again<base_url>("https://openlibrary.org/"), "https://openlibrary.org");
  CHECK_EQ(again<base_url>("HTTP://127.0.0.1:9000"), "http://127.0.0.1:9000");
  CHECK_EQ(again<base_url>("http://[::1]:80/a/b//"), "http://[::1]:80/a/b");
  refuses<base_url>({"", "openlibrary.org", "ftp://a", "http://", "http:///a", "https://user:pw@a", "https://a?b",
    "https://a#b", "https://a/b?c", "https://a:0", "https://a:70000", "https://a:", "https://a b", "https://a/\n",
    "https://[::1", "https://[1]", "https://a/\"b"});
}

TEST(trusted proxies are addresses and ranges) {
  CHECK_EQ(again<ip_ranges>(""), "");
  CHECK_EQ(again<ip_ranges>("10.0.0.0/8,::1"), "10.0.0.0/8,::1");
  refuses<ip_ranges>(
    {"a", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.1,", ",10.0.0.1", "10.0.0.1 ,::1", "*"});
}

TEST(names and numbers are exact) {
  CHECK_EQ(again<bool>("true"), "true");
  refuses<bool>({"", "True", "1", "yes"});
  CHECK_EQ(again<std::int64_t>("007"), "7");
  refuses<std::int64_t>({"", "-1", "+1", "1.0", "1e3", "0x10", "9223372036854775808"});
  CHECK_EQ(again<log_level>("warn"), "warn");
  refuses<log_level>({"", "warning", "WARN"});
  CHECK_EQ(again<log_format>("json"), "json");
  refuses<log_format>({"", "text"});
  refuses<std::string>({"a\nb", "\x7f"});
}

TEST(the nearest name is the one with the fewest edits) {
  CHECK_EQ(edit_distance("", "abc"), 3u);
  CHECK_EQ(edit_distance("kitten", "sitting"), 3u);
  CHECK_EQ(edit_distance("hot_tll", "hot_ttl"), 1u);
  CHECK_EQ(edit_distance("ab", "ba"), 1u);
  const auto known = std::vector<std::string>{"cache.bytes", "cache.hot_ttl", "limits.rate", "providers.a.rate"};
  CHECK(nearest("cache.byte", known).name == "cache.bytes");
  CHECK(nearest("hot_ttl", known).name == "cache.hot_ttl");
  CHECK(nearest("provider.a.rate", known).name == "providers.a.rate");
  CHECK(nearest("providers.bcd.rate", known).name == "providers.a.rate");
}
