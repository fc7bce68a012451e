#define TEST_SUITE objects
#include "tests/support/actors.hpp"
#include "tests/support/test.hpp"

#include "actors/objects/objects.hpp"
#include "tests/support/objects.hpp"

#include <filesystem>

using namespace troupe;
using test::value_of;

namespace {

namespace fs = std::filesystem;

stored_object object(std::string key, std::string body, std::string type = {}, fields custom = {}) {
  auto made = stored_object{};
  made.key = std::move(key);
  made.body = blob{std::move(body)};
  made.content_type = std::move(type);
  made.custom = std::move(custom);
  return made;
}

// A real bucket in files; the actor is not detached here, so that it runs on the test's scheduler.
struct world : test::actors {
  test::temp_directory dir;
  std::shared_ptr<storage::objects> bucket = test::open_files(dir.file("bucket"));
  objects_actor actor = sys.spawn(objects, objects_settings{bucket, "cold"});

  template <class R, class Message>
  result<R> get(Message what) {
    auto got = result<R>{fail(ec::none, "not answered")};
    auto asking = self->request(actor, caf::infinite, std::move(what));
    settle();
    asking.receive([&](const R& value) { got = value; },
      [&](const caf::error& e) { got = boost::outcome_v2::failure(from_caf(e)); });
    return got;
  }

  std::string put(stored_object what) { return value_of(get<std::string>(object_store{std::move(what)})); }

  stored_objects read(std::string key, bool body = true) {
    return value_of(get<stored_objects>(object_read{std::move(key), body}));
  }

  error read_error(std::string key) { return test::error_of(get<stored_objects>(object_read{std::move(key), true})); }

  std::int64_t counter(const std::string& name) {
    for (const auto& m : value_of(get<metrics>(stats_atom::value)))
      if (m.name == name && m.labels == fields{{"bucket", "cold"}})
        return m.value;
    return -1;
  }

  ~world() override { self->send_exit(actor, caf::exit_reason::user_shutdown); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(objects_actor_tests, world)

TEST(what is stored is read with all that was said of it) {
  auto made = object("books/1.json", "{}", "application/json", {{"source", "google"}});
  made.cache_control = "max-age=60";
  const auto etag = put(made);
  const auto found = read("books/1.json");
  REQUIRE_EQ(found.size(), 1u);
  CHECK_EQ(found[0].key, "books/1.json");
  CHECK_EQ(found[0].body.view(), "{}");
  CHECK_EQ(found[0].size, 2);
  CHECK_EQ(found[0].etag, etag);
  CHECK_EQ(found[0].modified_ms, test::objects_now_ms);
  CHECK_EQ(found[0].content_type, "application/json");
  CHECK_EQ(found[0].cache_control, "max-age=60");
  CHECK(found[0].custom == fields{{"source", "google"}});
}

TEST(an object is replaced as a whole and gets another etag) {
  const auto old = put(object("k", "old", "text/plain"));
  CHECK(put(object("k", "new")) != old);
  const auto found = read("k");
  CHECK_EQ(found.at(0).body.view(), "new");
  CHECK_EQ(found.at(0).content_type, "");
}

TEST(a read without its body has all the rest) {
  const auto etag = put(object("k", "12345", "text/plain"));
  const auto found = read("k", false);
  REQUIRE_EQ(found.size(), 1u);
  CHECK(found[0].body.empty());
  CHECK_EQ(found[0].size, 5);
  CHECK_EQ(found[0].etag, etag);
  CHECK_EQ(found[0].content_type, "text/plain");
}

TEST(what is not there is an empty list) {
  CHECK(read("none").empty());
  CHECK(read("none", false).empty());
}

TEST(a list comes in pages by prefix and without bodies) {
  for (const auto* key : {"b/3", "b/1", "a", "b/2"})
    put(object(key, "body"));
  const auto first = value_of(get<object_page>(object_query{"b/", "", 2}));
  REQUIRE_EQ(first.objects.size(), 2u);
  CHECK_EQ(first.objects[0].key, "b/1");
  CHECK_EQ(first.objects[0].size, 4);
  CHECK(first.objects[0].body.empty());
  CHECK(!first.objects[0].etag.empty());
  const auto last = value_of(get<object_page>(object_query{"b/", first.cursor, 2}));
  REQUIRE_EQ(last.objects.size(), 1u);
  CHECK_EQ(last.objects[0].key, "b/3");
  CHECK_EQ(last.cursor, "");
  const auto said = test::error_of(get<object_page>(object_query{"", "", 0}));
  CHECK(said.code == ec::bad_request);
  CHECK_EQ(said.message, "limit: expected 1 to 1000, got 0");
}

TEST(what is removed is gone and what failed first stops it) {
  for (const auto* key : {"a", "b", "c"})
    put(object(key, "body"));
  CHECK_EQ(value_of(get<std::int64_t>(object_remove{{"a", "none"}})), 2);
  CHECK(read("a").empty());
  const auto said = test::error_of(get<std::int64_t>(object_remove{{"b", "", "c"}}));
  CHECK(said.code == ec::bad_request);
  CHECK(said.message.starts_with("item 2: key: "));
  CHECK(read("b").empty());
  CHECK_EQ(read("c").size(), 1u);
}

TEST(a body of 16 MiB travels and one of a byte more neither in nor out) {
  const auto most = test::patterned(16 << 20);
  put(object("most", most));
  CHECK(read("most").at(0).body.view() == most);
  const auto refused = test::error_of(get<std::string>(object_store{object("more", most + "x")}));
  CHECK(refused.code == ec::bad_request);
  CHECK_EQ(refused.message, "body: expected at most 16777216 bytes, got 16777217");
  CHECK(read("more").empty());
  REQUIRE(bucket->put("more", storage::source_of(most + "x"), {}).has_value());
  const auto said = read_error("more");
  CHECK(said.code == ec::answer_too_large);
  CHECK_EQ(said.message, "object more: is larger than the 16777216 bytes that its reader takes");
  CHECK_EQ(read("more", false).at(0).size, 16'777'217);
}

TEST(a damaged file is an error that names the object and is not handed out) {
  put(object("k", "body"));
  for (const auto& each : fs::recursive_directory_iterator{dir.file("bucket/bodies")})
    if (each.is_regular_file())
      fs::resize_file(each.path(), 2);
  const auto said = read_error("k");
  CHECK(said.code == ec::storage_failed);
  CHECK_EQ(said.message, "object k: is damaged: bytes 0 to 3 are missing");
}

TEST(requests and errors are counted with the name of the bucket) {
  put(object("k", "body"));
  (void)read("k");
  (void)read("none");
  CHECK(read_error("").code == ec::bad_request);
  CHECK_EQ(counter("troupe_objects_reads_total"), 3);
  CHECK_EQ(counter("troupe_objects_writes_total"), 1);
  CHECK_EQ(counter("troupe_objects_errors_total"), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
