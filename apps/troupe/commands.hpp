// The sub-commands of troupe. Each returns the process's exit code: 0 done, 1 failed while running, 2 could not begin
// (a wrong flag or configuration, a port in use, an unusable data directory), with one line on standard error for each
// mistake.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace troupe {

constexpr int exit_usage = 2;

struct up_options {
  std::string config;
  std::vector<std::string> sets;
  std::string http;
  std::string environment;
  std::string data_dir;
  std::string storage;
  std::string secrets;
  bool demo = false;
  std::string demo_listen = "127.0.0.1:8789";
  std::string log_level;
  std::string log_format;
};

struct check_options {
  std::string config;
  std::vector<std::string> sets;
  std::string secrets;
};

struct replay_options {
  std::string manifest;
  std::string catalogue;
  std::string listen = "127.0.0.1:8789";
  std::size_t threads = 1;
  std::uint64_t seed = 1;
  std::vector<std::string> faults;
};

struct key_options {
  std::string name;
  std::vector<std::string> routes;
  std::string limit;
};

/// Which database: as `up` would find it.
struct migrate_options {
  std::string config;
  std::vector<std::string> sets;
  std::string data_dir;
  std::string storage;
  std::string secrets;
  bool dry_run = false;     // of apply
  std::int64_t version = 0; // of down: the one that stays
};

/// For `backup` and `restore`.
struct backup_options {
  std::string file;
  std::string data_dir;
  std::string config;
};

struct warm_options {
  std::string file;
  std::string job; // one that exists, instead of a file
  std::string url = "http://127.0.0.1:8787";
  std::string library = "default";
  std::string key; // empty: TROUPE_API_KEY
  bool dry_run = false;
  bool watch = false;
  bool all = false; // rejected rows
  bool json = false;
};

int run_migrate_list(const migrate_options& options);
int run_migrate_apply(const migrate_options& options);
int run_migrate_down(const migrate_options& options);
int run_up(const up_options& options);
int run_check(const check_options& options);
int run_replay(const replay_options& options);
int run_new_key(const key_options& options);
int run_backup(const backup_options& options);
int run_restore(const backup_options& options);

/// Also 1 when the job failed or was cancelled, and 130 when Ctrl-C ended the watching (the job goes on).
int run_warm(const warm_options& options);
/// Reads the file here and tells what would become of it.
int run_dry_warm(const warm_options& options);

} // namespace troupe
