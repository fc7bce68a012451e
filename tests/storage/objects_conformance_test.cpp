// What every back-end of `objects` must do, written against the interface alone. Another back-end joins by adding
// itself to `for_each_backend`.
#define TEST_SUITE objects_conformance
#include "tests/support/test.hpp"

#include "tests/storage/backends.hpp"
#include "tests/support/objects.hpp"
#include "tests/support/s3_server.hpp"

#include <algorithm>

using namespace troupe;
using namespace troupe::storage;
using test::error_of;
using test::objects_backend;
using test::patterned;
using test::value_of;

namespace {

object_info put(objects& bucket, std::string_view key, std::string_view body, const put_options& options = {}) {
  auto stored = value_of(bucket.put(key, source_of(body), options));
  REQUIRE(stored.has_value());
  return *stored;
}

/// Runs a test's body against a fresh, empty bucket of each back-end.
template <class Body>
void for_each_backend(Body&& body) {
  const auto directory = test::temp_directory{};
  const auto files = test::open_files(directory.file("bucket"));
  body(objects_backend{"files", *files});
  const auto unsynced = test::open_files(directory.file("unsynced"), sqlite::durability::normal);
  body(objects_backend{"files, unsynced", *unsynced});
  test::for_each_database([&](test::backend& each) {
    const auto db = each.open();
    test::make_object_tables(*db);
    auto other =
      objects_sql{*db, "other", [] { return test::objects_now_ms; }}; // a bucket sees nothing of its neighbour
    put(other, "neighbour", "x");
    auto in_sql = objects_sql{*db, "bucket", [] { return test::objects_now_ms; }};
    body(objects_backend{each.is_sqlite() ? "sql (SQLite)" : "sql (PostgreSQL)", in_sql});
    CHECK_EQ(value_of(other.list()).objects.size(), 1u);
  });
  const auto s3 = test::shared_s3_server().fresh_bucket();
  body(test::on_s3rver(*s3));
}

std::string body_of(objects& bucket, std::string_view key, const get_options& options = {}) {
  auto got = value_of(get_whole(bucket, key, options));
  return got ? got->body : "(none)";
}

std::vector<std::string> keys_of(const object_list& page) {
  auto out = std::vector<std::string>{};
  for (const auto& each : page.objects)
    out.push_back(each.key);
  return out;
}

/// A source that gives at most `piece` bytes at a time, as a socket would.
byte_source in_pieces(std::string_view body, std::size_t piece) {
  return [inner = source_of(body), piece](
           std::span<char> buffer) { return inner(buffer.first(std::min(piece, buffer.size()))); };
}

std::string refusal(objects& bucket, std::string_view key, const put_options& options = {}) {
  const auto refused = error_of(bucket.put(key, source_of("x"), options));
  CHECK(refused.code == ec::bad_request);
  return refused.message;
}

bool is_there(objects& bucket, std::string_view key) {
  return value_of(bucket.head(key)).has_value();
}

} // namespace

TEST(an object comes back with its bytes and both kinds of metadata) {
  for_each_backend([](const objects_backend& b) {
    auto options = put_options{};
    options.http = {
      "text/csv; charset=utf-8", "public, max-age=31536000", "attachment; filename=\"a.csv\"", "identity", "de-CH"};
    options.custom = {{"uploadedBy", "Zoë"}, {"originalName", "Bücher – 2026.csv"}, {"empty", ""}};
    const auto stored = put(b.bucket, "uploads/1-a.csv", "isbn\n1\n", options);
    CHECK_EQ(stored.key, "uploads/1-a.csv");
    CHECK_EQ(stored.size, 7);
    CHECK(!stored.etag.empty());
    CHECK(stored.etag.find('"') == std::string::npos);
    const auto got = value_of(get_whole(b.bucket, "uploads/1-a.csv"));
    REQUIRE(got.has_value());
    CHECK_EQ(got->body, "isbn\n1\n");
    const auto headed = value_of(b.bucket.head("uploads/1-a.csv"));
    REQUIRE(headed.has_value());
    for (const auto* info : {&got->object, &*headed}) {
      CHECK_EQ(info->key, "uploads/1-a.csv");
      CHECK_EQ(info->size, 7);
      CHECK_EQ(info->etag, stored.etag);
      CHECK(info->http == options.http);
      CHECK(info->custom == (fields{{"empty", ""}, {"originalName", "Bücher – 2026.csv"}, {"uploadedBy", "Zoë"}}));
      if (b.keeps_clock)
        CHECK_EQ(info->modified_ms, test::objects_now_ms);
      else
        CHECK(info->modified_ms > test::objects_now_ms);
    }
  });
}

TEST(an object without bytes is an object) {
  for_each_backend([](const objects_backend& b) {
    put(b.bucket, "empty", "");
    auto calls = 0;
    const auto got = value_of(b.bucket.get("empty", [&](const object_info& info, std::string_view bytes) {
      ++calls;
      CHECK_EQ(info.size, 0);
      return bytes.empty();
    }));
    CHECK(got.how == fetch::complete);
    CHECK_EQ(calls, 1);
  });
}

TEST(a put replaces body and metadata together) {
  for_each_backend([](const objects_backend& b) {
    const auto first = put(b.bucket, "k", "first", {.http = {.content_type = "text/plain"}, .custom = {{"a", "1"}}});
    const auto second = put(b.bucket, "k", "second!", {.http = {.content_type = "text/html"}});
    CHECK(first.etag != second.etag);
    const auto got = value_of(get_whole(b.bucket, "k"));
    REQUIRE(got.has_value());
    CHECK_EQ(got->body, "second!");
    CHECK_EQ(got->object.http.content_type, "text/html");
    CHECK(got->object.custom.empty());
    CHECK_EQ(value_of(b.bucket.list()).objects.size(), 1u);
  });
}

TEST(what is missing is no error) {
  for_each_backend([](const objects_backend& b) {
    CHECK(!is_there(b.bucket, "nothing"));
    const auto got = value_of(b.bucket.get("nothing", [](const auto&, auto) { return true; }));
    CHECK(got.how == fetch::missing);
    CHECK(b.bucket.remove("nothing").has_value());
    put(b.bucket, "k", "x");
    CHECK(b.bucket.remove("k").has_value());
    CHECK(!is_there(b.bucket, "k"));
    CHECK(b.bucket.remove("k").has_value());
    CHECK(value_of(b.bucket.list()).objects.empty());
  });
}

TEST(a range gives those bytes and ends with the object) {
  for_each_backend([](const objects_backend& b) {
    put(b.bucket, "k", "0123456789");
    CHECK_EQ(body_of(b.bucket, "k", {.range = {2, 3}}), "234");
    CHECK_EQ(body_of(b.bucket, "k", {.range = {0, 1}}), "0");
    CHECK_EQ(body_of(b.bucket, "k", {.range = {9, 1}}), "9");
    CHECK_EQ(body_of(b.bucket, "k", {.range = {7, 100}}), "789");
    CHECK_EQ(body_of(b.bucket, "k", {.range = {4, -1}}), "456789");
    const auto got = value_of(get_whole(b.bucket, "k", {.range = {2, 3}}));
    CHECK_EQ(got->object.size, 10); // the object's, not the range's
    const auto beyond = error_of(get_whole(b.bucket, "k", {.range = {10, 1}}));
    CHECK(beyond.code == ec::bad_request);
    CHECK_EQ(beyond.message, "range.first: expected less than the object's 10 bytes, got 10");
    CHECK_EQ(error_of(get_whole(b.bucket, "k", {.range = {-1, 1}})).message, "range.first: expected 0 or more, got -1");
    CHECK(error_of(get_whole(b.bucket, "k", {.range = {0, 0}})).code == ec::bad_request);
  });
}

TEST(a body of many blocks streams in and out in any pieces) {
  for_each_backend([](const objects_backend& b) {
    const auto body = patterned((20 << 20) + 12345);
    const auto stored = value_of(b.bucket.put("large", in_pieces(body, 100'003), {}));
    REQUIRE(stored.has_value());
    CHECK_EQ(stored->size, static_cast<std::int64_t>(body.size()));
    CHECK(body_of(b.bucket, "large") == body);
    for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{(16 << 20) - 5, 10}, {262'144, 262'144},
           {262'143, 2}, {1, 5'000'000}, {20 << 20, -1}})
      CHECK(body_of(b.bucket, "large", {.range = {first, count}})
            == body.substr(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
  });
}

TEST(a sink that wants no more ends the get) {
  for_each_backend([](const objects_backend& b) {
    put(b.bucket, "k", patterned(3 << 20));
    std::size_t had = 0;
    const auto got = value_of(b.bucket.get("k", [&](const object_info&, std::string_view bytes) {
      had += bytes.size();
      return had < 300'000;
    }));
    CHECK(got.how == fetch::stopped);
    CHECK_EQ(got.object.size, 3 << 20);
    CHECK(had >= 300'000);
    CHECK(had < 3u << 20);
    CHECK(body_of(b.bucket, "k").size() == 3u << 20); // and the next get is whole
  });
}

TEST(bytes without the checksum that was given are refused and change nothing) {
  for_each_backend([](const objects_backend& b) {
    // SHA-256 of "abc", FIPS 180-4's example
    const auto sum = std::string{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"};
    put(b.bucket, "k", "abc", {.sha256 = sum});
    for (const auto& body : {std::string{"abd"}, patterned(17 << 20)}) {
      const auto refused = error_of(b.bucket.put("k", source_of(body), {.sha256 = sum}));
      CHECK(refused.code == ec::bad_request);
      CHECK(refused.message.starts_with("body: expected the SHA-256 " + sum + ", got "));
      CHECK_EQ(body_of(b.bucket, "k"), "abc");
    }
    CHECK(refusal(b.bucket, "k", {.sha256 = "ba78"}) == "sha256: expected 64 hex digits");
  });
}

TEST(a source that fails changes nothing and its error is the answer) {
  for_each_backend([](const objects_backend& b) {
    put(b.bucket, "k", "old");
    for (const auto fails_at : {0, 1, 20}) {
      auto calls = 0;
      const auto source = [&](std::span<char> buffer) -> result<std::size_t> {
        if (calls++ == fails_at)
          return fail(ec::cancelled, "the client has left");
        std::fill(buffer.begin(), buffer.end(), 'n');
        return std::min<std::size_t>(buffer.size(), 1 << 20);
      };
      const auto failed = error_of(b.bucket.put("k", source, {}));
      CHECK(failed.code == ec::cancelled);
      CHECK_EQ(failed.message, "the client has left");
      CHECK_EQ(body_of(b.bucket, "k"), "old");
    }
  });
}

TEST(any key is a key of its own) {
  for_each_backend([](const objects_backend& b) {
    auto keys = std::vector<std::string>{"a", "A", "a/b", "a b", "a+b", "a%20b", "a%2Fb", "a?b=c&d#e", "ключ/漢字/🎭",
      "é", "e\xcc\x81", "~!@$^&*()_-={}[]:;'<>,|.txt", "quote\"d", "back\\slash", std::string(200, 'x')};
    if (b.any_key)
      for (const auto* each : {".", "..", "../../etc/passwd", "a/../b", "a//b", "/", "//", "/lead", "trail/", "a/.",
             "line\nbreak", "tab\tbed", "\x7f", "CON", "lock", "index.db"})
        keys.emplace_back(each);
    if (b.any_key) {
      keys.push_back(std::string(1024, 'y'));
      keys.push_back(std::string(1023, 'y') + "z");
    } else {
      CAF_MESSAGE(b.name << " does not take all of S3's keys: see tests/support/objects.hpp");
    }
    for (const auto& key : keys)
      put(b.bucket, key, "body of " + key);
    for (const auto& key : keys) {
      CAF_MESSAGE(b.name << ": " << key.substr(0, 40));
      CHECK(body_of(b.bucket, key) == "body of " + key);
    }
    auto listed = keys_of(value_of(b.bucket.list()));
    std::sort(keys.begin(), keys.end());
    if (!b.exact_listing)
      std::sort(listed.begin(), listed.end());
    CHECK(listed == keys);
    for (const auto& key : keys)
      REQUIRE(b.bucket.remove(key).has_value());
    CHECK(value_of(b.bucket.list()).objects.empty());
  });
}

TEST(a key that breaks a rule is refused with the place and what was expected) {
  for_each_backend([](const objects_backend& b) {
    CHECK_EQ(refusal(b.bucket, ""), "key: expected 1 to 1024 bytes, got 0");
    CHECK_EQ(refusal(b.bucket, std::string(1025, 'k')), "key: expected 1 to 1024 bytes, got 1025");
    CHECK_EQ(refusal(b.bucket, "ab\xff"), "key: byte 2: expected UTF-8");
    CHECK_EQ(refusal(b.bucket, "a\xc0\xaf"), "key: byte 1: expected UTF-8");    // an overlong '/'
    CHECK_EQ(refusal(b.bucket, "\xed\xa0\x80"), "key: byte 0: expected UTF-8"); // half of a surrogate pair
    CHECK_EQ(refusal(b.bucket, std::string_view{"a\0b", 3}), "key: byte 1: expected no NUL");
    for (const auto* key : {"", "\xff"}) {
      CHECK(error_of(b.bucket.head(key)).code == ec::bad_request);
      CHECK(error_of(b.bucket.remove(key)).code == ec::bad_request);
      CHECK(error_of(get_whole(b.bucket, key)).code == ec::bad_request);
    }
  });
}

TEST(metadata that could not travel in a header is refused) {
  for_each_backend([](const objects_backend& b) {
    CHECK_EQ(refusal(b.bucket, "k", {.http = {.content_type = "a\r\nX: y"}}),
      "content_type: byte 1: expected text without control characters");
    CHECK_EQ(refusal(b.bucket, "k", {.http = {.cache_control = std::string(1025, 'c')}}),
      "cache_control: expected at most 1024 bytes, got 1025");
    CHECK_EQ(refusal(b.bucket, "k", {.custom = {{"a", "1"}, {"b b", "2"}}}),
      "custom metadata 2: name: expected 1 to 128 letters, digits or !#$%&'*+-.^_`|~");
    CHECK_EQ(refusal(b.bucket, "k", {.custom = {{"a", "1"}, {"A", "2"}}}),
      "custom metadata 2: name: expected each name once (whatever its case), got A again");
    CHECK_EQ(refusal(b.bucket, "k", {.custom = {{"a", " 1"}}}),
      "custom metadata 1 (a): expected no space at the beginning or end");
    CHECK_EQ(refusal(b.bucket, "k", {.custom = {{"a", std::string(2048, 'v')}}}),
      "custom metadata: expected at most 2048 bytes of names and values together, got 2049");
    CHECK_EQ(refusal(b.bucket, "k", {.only = {.if_match = "\"x\""}}),
      "if_match: expected * or one ETag without quotes, at most 256 printable ASCII characters");
    CHECK(!is_there(b.bucket, "k"));
  });
}

TEST(a list gives keys by their bytes with their infos and the prefix alone) {
  for_each_backend([](const objects_backend& b) {
    for (const auto* key : {"b", "a/2", "a/10", "a", "a-", "ä", "Z", "b/1"})
      put(b.bucket, key, key);
    auto all = value_of(b.bucket.list());
    if (b.exact_listing)
      CHECK(keys_of(all) == (std::vector<std::string>{"Z", "a", "a-", "a/10", "a/2", "b", "b/1", "ä"}));
    else
      CHECK_EQ(all.objects.size(), 8u);
    CHECK(all.cursor.empty());
    CHECK(all.common_prefixes.empty());
    const auto some = value_of(b.bucket.list({.prefix = "a/"}));
    CHECK(keys_of(some) == (std::vector<std::string>{"a/10", "a/2"}));
    CHECK_EQ(some.objects.front().size, 4);
    CHECK_EQ(some.objects.front().etag, value_of(b.bucket.head("a/10"))->etag);
    CHECK(some.objects.front().modified_ms >= test::objects_now_ms);
    CHECK(value_of(b.bucket.list({.prefix = "nothing"})).objects.empty());
    CHECK_EQ(error_of(b.bucket.list({.limit = 0})).message, "limit: expected 1 to 1000, got 0");
    CHECK_EQ(error_of(b.bucket.list({.limit = 1001})).message, "limit: expected 1 to 1000, got 1001");
    CHECK(error_of(b.bucket.list({.cursor = "?"})).code == ec::bad_request);
  });
}

TEST(a delimiter folds keys into common prefixes) {
  for_each_backend([](const objects_backend& b) {
    for (const auto* key : {"x/a/1", "x/a/2", "x/b", "x/c/1", "x/c/2/3", "x/d", "y"})
      put(b.bucket, key, key);
    const auto page = value_of(b.bucket.list({.prefix = "x/", .delimiter = "/"}));
    CHECK(keys_of(page) == (std::vector<std::string>{"x/b", "x/d"}));
    CHECK(page.common_prefixes == (std::vector<std::string>{"x/a/", "x/c/"}));
    const auto top = value_of(b.bucket.list({.delimiter = "/"}));
    CHECK(keys_of(top) == std::vector<std::string>{"y"});
    CHECK(top.common_prefixes == std::vector<std::string>{"x/"});
  });
}

TEST(pages by cursor have every entry once) {
  for_each_backend([](const objects_backend& b) {
    for (int i = 0; i < 23; ++i)
      put(b.bucket, "k" + std::to_string(100 + i), "x");
    for (const std::int64_t limit : {1, 7, 22, 23, 24}) {
      auto seen = std::vector<std::string>{};
      auto cursor = std::string{};
      do {
        auto page = value_of(b.bucket.list({.cursor = cursor, .limit = limit}));
        CHECK(static_cast<std::int64_t>(page.objects.size()) <= limit);
        for (auto& each : page.objects)
          seen.push_back(each.key);
        cursor = page.cursor;
      } while (!cursor.empty() && seen.size() < 100);
      CHECK_EQ(seen.size(), 23u);
      CHECK(std::is_sorted(seen.begin(), seen.end()));
    }
  });
}

TEST(pages count common prefixes and continue behind them) {
  for_each_backend([](const objects_backend& b) {
    for (const auto* key : {"a/1", "a/2", "a/3", "b", "c/1", "c/2", "d", "e/1"})
      put(b.bucket, key, "x");
    if (!b.exact_listing) {
      CAF_MESSAGE(b.name << " does not count common prefixes towards the limit and names them on every page: left out");
      return;
    }
    for (const std::int64_t limit : {1, 2, 3, 5}) {
      auto seen = std::vector<std::string>{};
      auto cursor = std::string{};
      do {
        auto page = value_of(b.bucket.list({.delimiter = "/", .cursor = cursor, .limit = limit}));
        CHECK(static_cast<std::int64_t>(page.objects.size() + page.common_prefixes.size()) <= limit);
        auto entries = keys_of(page);
        entries.insert(entries.end(), page.common_prefixes.begin(), page.common_prefixes.end());
        std::sort(entries.begin(), entries.end());
        seen.insert(seen.end(), entries.begin(), entries.end());
        cursor = page.cursor;
      } while (!cursor.empty() && seen.size() < 100);
      CHECK(seen == (std::vector<std::string>{"a/", "b", "c/", "d", "e/"}));
    }
  });
}

TEST(pages are stable while others write) {
  for_each_backend([](const objects_backend& b) {
    for (int i = 0; i < 20; i += 2)
      put(b.bucket, "k" + std::to_string(10 + i), "x");
    auto seen = std::vector<std::string>{};
    auto cursor = std::string{};
    int page_number = 0;
    do {
      const auto page = value_of(b.bucket.list({.cursor = cursor, .limit = 3}));
      for (const auto& each : page.objects)
        seen.push_back(each.key);
      cursor = page.cursor;
      // One before, one behind, and the one that the page ended with is gone.
      put(b.bucket, "a" + std::to_string(page_number), "new");
      put(b.bucket, "k" + std::to_string(11 + 2 * page_number), "new");
      REQUIRE(b.bucket.remove(page.objects.back().key).has_value());
      ++page_number;
    } while (!cursor.empty() && page_number < 20);
    CHECK(std::is_sorted(seen.begin(), seen.end()));
    CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
    for (int i = 0; i < 20; i += 2)
      CHECK(std::find(seen.begin(), seen.end(), "k" + std::to_string(10 + i)) != seen.end());
  });
}

TEST(a get goes by its conditions) {
  for_each_backend([](const objects_backend& b) {
    const auto stored = put(b.bucket, "k", "body", {.http = {.content_type = "text/plain"}});
    const auto how = [&](const preconditions& only) {
      auto bytes = std::string{};
      const auto got = value_of(b.bucket.get("k",
        [&](const auto&, std::string_view piece) {
          bytes.append(piece);
          return true;
        },
        {.only = only}));
      CHECK(bytes == (got.how == fetch::complete ? "body" : ""));
      return got;
    };
    CHECK(how({.if_none_match = "other"}).how == fetch::complete);
    const auto same = how({.if_none_match = stored.etag});
    CHECK(same.how == fetch::unmatched);
    CHECK_EQ(same.object.etag, stored.etag);
    CHECK(how({.if_none_match = "*"}).how == fetch::unmatched);
    CHECK(how({.if_match = stored.etag}).how == fetch::complete);
    if (b.put_conditions)
      CHECK(how({.if_match = "other"}).how == fetch::unmatched);
    const auto nothing =
      value_of(b.bucket.get("none", [](const auto&, auto) { return true; }, {.only = {.if_none_match = "*"}}));
    CHECK(nothing.how == fetch::missing);
  });
}

TEST(a put goes by its conditions) {
  for_each_backend([](const objects_backend& b) {
    if (!b.put_conditions) {
      CAF_MESSAGE(b.name << " ignores If-Match and If-None-Match of a PUT: tested in s3_test.cpp instead");
      return;
    }
    const auto try_put = [&](std::string_view body, const preconditions& only) {
      return value_of(b.bucket.put("k", source_of(body), {.only = only}));
    };
    CHECK(!try_put("x", {.if_match = "*"}));
    CHECK(!try_put("x", {.if_match = "some"}));
    CHECK(!is_there(b.bucket, "k"));
    const auto made = try_put("made", {.if_none_match = "*"});
    REQUIRE(made.has_value());
    CHECK(!try_put("again", {.if_none_match = "*"}));
    CHECK_EQ(body_of(b.bucket, "k"), "made");
    const auto changed = try_put("changed", {.if_match = made->etag});
    REQUIRE(changed.has_value());
    CHECK(!try_put("lost update", {.if_match = made->etag}));
    CHECK_EQ(body_of(b.bucket, "k"), "changed");
    CHECK(!try_put("the same", {.if_none_match = changed->etag}));
    CHECK(try_put("another", {.if_none_match = made->etag}));
    CHECK(try_put("any", {.if_match = "*"}));
    CHECK(!try_put("never", {.if_match = "*", .if_none_match = "*"}));
    CHECK_EQ(body_of(b.bucket, "k"), "any");
  });
}
