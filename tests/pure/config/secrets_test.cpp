#define TEST_SUITE config_secrets
#include "tests/support/test.hpp"

#include "apps/config/load.hpp"
#include "tests/support/temp_directory.hpp"

#include <sys/stat.h>

using namespace troupe;
using namespace troupe::config;

namespace {

struct fixture {
  test::temp_directory directory;
  std::string path;

  explicit fixture(const std::string& text, mode_t mode = 0600) : path{directory.write("secrets", text)} {
    REQUIRE_EQ(::chmod(path.c_str(), mode), 0);
  }

  [[nodiscard]] loaded load(environment env = {}) const {
    auto request = load_request{};
    env.emplace("TROUPE_SECRETS_FILE", path);
    request.env = std::move(env);
    return config::load(request);
  }
};

bool mentions(const loaded& got, const std::string& text) {
  for (const auto* list : {&got.errors, &got.warnings})
    for (const auto& each : *list)
      if (each.find(text) != std::string::npos)
        return true;
  return false;
}

} // namespace

TEST(secrets come from the environment) {
  auto request = load_request{};
  request.env = {{"TROUPE_ADMIN_TOKEN", "t0ken"}, {"TROUPE_SECRET_GOOGLE_KEY", "k3y"}};
  const auto got = load(request);
  CHECK(got.ok());
  CHECK(got.warnings.empty());
  CHECK_EQ(got.secrets.admin_token.reveal(), "t0ken");
  REQUIRE_EQ(got.secrets.provider_keys.size(), 1u);
  CHECK_EQ(got.secrets.provider_keys.at("google").reveal(), "k3y");
}

TEST(without secrets there are none) {
  const auto got = load({});
  CHECK(got.ok());
  CHECK(got.secrets.admin_token.empty());
  CHECK(got.secrets.provider_keys.empty());
}

TEST(secrets come from a file of mode 0600 and the environment beats it) {
  const auto f = fixture{"# mine\n\nTROUPE_ADMIN_TOKEN=from=file\r\n  TROUPE_SECRET_GOOGLE_KEY = k3y  \n"};
  const auto got = f.load();
  CHECK(got.ok());
  CHECK_EQ(got.secrets.admin_token.reveal(), "from=file");
  CHECK_EQ(got.secrets.provider_keys.at("google").reveal(), "k3y");
  CHECK(f.load({{"TROUPE_ADMIN_TOKEN", "stronger"}}).secrets.admin_token.reveal() == "stronger");
}

TEST(a flag names the secrets file before the environment does) {
  const auto weak = fixture{"TROUPE_ADMIN_TOKEN=weak\n"};
  const auto strong = fixture{"TROUPE_ADMIN_TOKEN=strong\n"};
  auto request = load_request{};
  request.env = {{"TROUPE_SECRETS_FILE", weak.path}};
  request.secrets_file = strong.path;
  CHECK(load(request).secrets.admin_token.reveal() == "strong");
}

TEST(a secrets file that others may touch is refused and not read) {
  for (const auto& [mode, shown] : {std::pair<mode_t, std::string>{0640, "0640"}, {0604, "0604"}, {0644, "0644"},
         {0660, "0660"}, {0601, "0601"}, {0700, "0700"}}) {
    const auto f = fixture{"TROUPE_ADMIN_TOKEN=t0ken\n", mode};
    const auto got = f.load();
    REQUIRE_EQ(got.errors.size(), 1u);
    CHECK_EQ(got.errors[0], f.path + ": expected mode 0600 (a secrets file is its owner's alone), got " + shown
                              + ": chmod 600 it, and change the secrets if others may have read them");
    CHECK(got.secrets.admin_token.empty());
  }
  CHECK(fixture("TROUPE_ADMIN_TOKEN=t0ken\n", 0400).load().ok());
}

TEST(a secrets file that is missing is an error) {
  auto request = load_request{};
  request.secrets_file = "/nowhere/secrets";
  const auto got = load(request);
  REQUIRE_EQ(got.errors.size(), 1u);
  CHECK_EQ(got.errors[0], "/nowhere/secrets: cannot be read: No such file or directory");
}

TEST(an error in the secrets file names the line and never the secret) {
  const auto f =
    fixture{"hunter2\nTROUPE_SECRET_GOGLE_KEY=hunter2\nTROUPE_ADMIN_TOKEN=\nTROUPE_ADMIN_TOKEN=a\x01hunter2\n"
            "hunter2=x\n"};
  const auto got = f.load({{"TROUPE_SECRET_LIBRARYTHING_KEY", "hunter2"}});
  REQUIRE_EQ(got.errors.size(), 6u);
  const auto at = [&](int line) { return f.path + ":" + std::to_string(line) + ": "; };
  CHECK_EQ(got.errors[0], at(1) + "expected NAME=value with a name such as TROUPE_SECRET_GOOGLE_KEY");
  CHECK_EQ(got.errors[1], at(2) + "TROUPE_SECRET_GOGLE_KEY: no such secret; the nearest is TROUPE_SECRET_GOOGLE_KEY");
  const auto unusable = "TROUPE_ADMIN_TOKEN: expected a text without control characters that is not empty";
  CHECK_EQ(got.errors[2], at(3) + unusable);
  CHECK_EQ(got.errors[3], at(4) + unusable);
  CHECK_EQ(got.errors[4], at(5) + "expected NAME=value with a name such as TROUPE_SECRET_GOOGLE_KEY");
  CHECK(got.errors[5].starts_with("TROUPE_SECRET_LIBRARYTHING_KEY: no such secret; the nearest is TROUPE_SECRET_"));
  CHECK(!mentions(got, "hunter2"));
}

TEST(a secret in the configuration file or on the command line is refused with the place where it belongs) {
  const auto f = fixture{"[providers.google]\nkey = \"hunter2\"\n[mine]\nApiToken = \"hunter2\"\nx = 1\n"};
  auto request = load_request{};
  request.file = f.path;
  request.sets = {"providers.google.key=hunter2", "http.password=hunter2"};
  const auto got = load(request);
  const auto advice =
    std::string{": not here: secrets belong in the environment (TROUPE_ADMIN_TOKEN, TROUPE_SECRET_STORAGE_PASSWORD, "
                "TROUPE_SECRET_GOOGLE_KEY, TROUPE_SECRET_ISBNDB_KEY,"
                " TROUPE_SECRET_OPENLIBRARY_KEY) or, under the same names, in a file of mode 0600 that"
                " TROUPE_SECRETS_FILE names"};
  REQUIRE_EQ(got.errors.size(), 5u);
  CHECK_EQ(got.errors[0], f.path + ":2:1: providers.google.key" + advice);
  CHECK(got.errors[1].starts_with(f.path + ":3:2: mine: no such table; the nearest is "));
  CHECK_EQ(got.errors[2], f.path + ":4:1: mine.ApiToken" + advice);
  CHECK_EQ(got.errors[3], "--set providers.google.key" + advice);
  CHECK_EQ(got.errors[4], "--set http.password" + advice);
  CHECK(!mentions(got, "hunter2"));
}
