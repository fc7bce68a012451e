// The troupe command: what a newcomer reads first. Each sub-command parses its flags here and is carried out in a file
// of its own; the wiring of a node is in apps/node/node.cpp.
#include "actors/jq/worker.hpp"
#include "apps/troupe/commands.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  using namespace troupe;
  // Not for people: a mapper's process, which the pool of them starts.
  if (const int code = jq::run_worker_if_asked(argc, argv); code >= 0)
    return code;
  CLI::App app{"Troupe: many third-party APIs behind one honest endpoint."};
  app.set_version_flag("--version", "troupe " TROUPE_VERSION);
  app.require_subcommand(1);
  app.get_formatter()->column_width(36);

  up_options up;
  auto* up_command = app.add_subcommand("up", "Run everything in one process");
  up_command->add_option("--config", up.config, "Configuration file (TOML)")->type_name("FILE");
  up_command->add_option("--set", up.sets, "Override a setting, such as cache.hot_ttl=10m; may be repeated")
    ->type_name("KEY=VALUE")
    ->allow_extra_args(false);
  up_command->add_option("--http", up.http, "Where the bridge listens (default 127.0.0.1:8787)")
    ->type_name("ADDR:PORT");
  up_command
    ->add_option("--env", up.environment, "Which environment this is (default production): which [[services]] hold")
    ->type_name("NAME");
  up_command->add_option("--data-dir", up.data_dir, "Where the databases are")->type_name("DIR");
  up_command->add_option("--storage", up.storage, "PostgreSQL instead of embedded storage (postgres://user@host/db)")
    ->type_name("URL");
  up_command->add_option("--secrets", up.secrets, "File with secrets, mode 0600")->type_name("FILE");
  up_command->add_flag("--demo", up.demo, "Ask a local replay of the providers instead of the live APIs");
  up_command->add_option("--demo-listen", up.demo_listen, "Where the demo's replay listens")
    ->type_name("ADDR:PORT")
    ->capture_default_str();
  up_command->add_option("--log-level", up.log_level, "trace, debug, info, warn or error")->type_name("LEVEL");
  up_command->add_option("--log-format", up.log_format, "pretty or json")->type_name("FORMAT");

  check_options check;
  auto* check_command = app.add_subcommand("check", "Validate a configuration; every mistake with its place");
  check_command->add_option("--config", check.config, "Configuration file (TOML)")->type_name("FILE")->required();
  check_command->add_option("--set", check.sets, "Override a setting")->type_name("KEY=VALUE")->allow_extra_args(false);
  check_command->add_option("--secrets", check.secrets, "File with secrets, mode 0600")->type_name("FILE");

  replay_options replay;
  auto* replay_command =
    app.add_subcommand("replay", "An upstream that answers as the real APIs do, with faults on demand");
  replay_command->add_option("--manifest", replay.manifest, "Recorded bodies (MANIFEST.json)")->type_name("FILE");
  replay_command->add_option("--catalogue", replay.catalogue, "Books to answer from (CSV, may be gzip)")
    ->type_name("FILE");
  replay_command->add_option("--listen", replay.listen, "Where to listen")
    ->type_name("ADDR:PORT")
    ->capture_default_str();
  replay_command->add_option("--threads", replay.threads, "I/O threads")->capture_default_str();
  replay_command->add_option("--seed", replay.seed, "Of the draws for a fault's ratio")->capture_default_str();
  replay_command
    ->add_option("--fault", replay.faults, R"(A fault from the start, as in PUT /__replay/faults; may be repeated)")
    ->type_name("JSON")
    ->allow_extra_args(false);

  migrate_options migrate;
  auto* migrate_command = app.add_subcommand("migrate", "The database's schema: see, apply or take back its changes");
  migrate_command->require_subcommand(1);
  migrate_command->add_option("--config", migrate.config, "Configuration file (TOML)")->type_name("FILE");
  migrate_command->add_option("--set", migrate.sets, "Override a setting")
    ->type_name("KEY=VALUE")
    ->allow_extra_args(false);
  migrate_command->add_option("--data-dir", migrate.data_dir, "Where the embedded database is")->type_name("DIR");
  migrate_command->add_option("--storage", migrate.storage, "PostgreSQL instead (postgres://user@host/db)")
    ->type_name("URL");
  migrate_command->add_option("--secrets", migrate.secrets, "File with secrets, mode 0600")->type_name("FILE");
  auto* list_command =
    migrate_command->add_subcommand("list", "Every migration: its checksum, and when it was applied");
  auto* apply_command = migrate_command->add_subcommand("apply", "Apply what is pending, as `troupe up` does");
  apply_command->add_flag("--dry-run", migrate.dry_run, "Print the SQL and change nothing");
  auto* down_command =
    migrate_command->add_subcommand("down", "Take back every migration above a version, and its data");
  down_command->add_option("VERSION", migrate.version, "The version that stays; 0: none")
    ->required()
    ->check(CLI::NonNegativeNumber);

  key_options key;
  auto* key_command = app.add_subcommand("key", "API keys");
  key_command->require_subcommand(1);
  auto* new_key_command =
    key_command->add_subcommand("new", "Make an API key: shown once, its hash goes into the file");
  new_key_command->add_option("--name", key.name, "Whose it is: in the access log, and its limit's name")
    ->type_name("NAME")
    ->required();
  new_key_command->add_option("--route", key.routes, "A route that it may ask (default: all); may be repeated")
    ->type_name("ROUTE")
    ->allow_extra_args(false);
  new_key_command->add_option("--limit", key.limit, "Its own limit, such as 1000/60s")->type_name("QUOTA");

  backup_options saved;
  auto* backup_command = app.add_subcommand("backup", "Write all data into one file, also while troupe runs");
  auto* restore_command = app.add_subcommand("restore", "Put a backup into an empty data directory");
  for (auto* each : {backup_command, restore_command}) {
    each->add_option("FILE", saved.file, "The backup (tar with zstd)")->required();
    each->add_option("--data-dir", saved.data_dir, "Where the databases are (default: as up has it)")->type_name("DIR");
    each->add_option("--config", saved.config, "Configuration file (TOML), for storage.dir")->type_name("FILE");
  }

  warm_options warm;
  auto* warm_command = app.add_subcommand("warm", "Upload a library's export, and have its books found in the cache");
  auto* warm_file = warm_command->add_option("FILE", warm.file, "The export (CSV, may be gzip)");
  auto* warm_job =
    warm_command->add_option("--job", warm.job, "Watch this job instead of uploading a file")->type_name("ID");
  warm_command->add_option("--url", warm.url, "The node's bridge")->type_name("URL")->capture_default_str();
  warm_command->add_option("--library", warm.library, "Whose books they are")->type_name("NAME")->capture_default_str();
  warm_command->add_option("--key", warm.key, "API key (default: TROUPE_API_KEY)")->type_name("KEY");
  auto* dry_run = warm_command->add_flag("--dry-run", warm.dry_run, "Only read the file, here, and tell what is in it");
  warm_command->add_flag("--watch", warm.watch, "Follow the job to its end")->excludes(dry_run);
  warm_command->add_flag("--all", warm.all, "With --dry-run: every rejected row, not the first 20")->needs(dry_run);
  warm_command->add_flag("--json", warm.json, "Results as JSON, one object a line");
  warm_job->excludes(warm_file)->excludes(dry_run);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? 0 : exit_usage;
  }
  try {
    if (up_command->parsed())
      return run_up(up);
    if (check_command->parsed())
      return run_check(check);
    if (list_command->parsed())
      return run_migrate_list(migrate);
    if (apply_command->parsed())
      return run_migrate_apply(migrate);
    if (down_command->parsed())
      return run_migrate_down(migrate);
    if (key_command->parsed())
      return run_new_key(key);
    if (backup_command->parsed())
      return run_backup(saved);
    if (restore_command->parsed())
      return run_restore(saved);
    if (warm_command->parsed())
      return warm.dry_run ? run_dry_warm(warm) : run_warm(warm);
    return run_replay(replay);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "troupe: %s\n", e.what());
    return 1;
  }
}
