#include "tests/support/fault_vfs.hpp"

#include <filesystem>
#include <new>
#include <sqlite3.h>
#include <stdexcept>

namespace troupe::test {
namespace {

/// An open file: ours in front, the real one behind it in the same piece of memory.
struct fault_file {
  sqlite3_file base;
  power_disk* disk;
  power_disk::inode_ptr* file; // null: not a file of the disk (temporary)
  std::string* new_in;         // the directory whose entry is to be synced with the file: as os_unix.c does it
  sqlite3_file* real;
};

fault_file& ours(sqlite3_file* file) {
  return *static_cast<fault_file*>(static_cast<void*>(file));
}

sqlite3_file* real(sqlite3_file* file) {
  return ours(file).real;
}

int close(sqlite3_file* file) {
  auto& self = ours(file);
  const auto code = self.real->pMethods != nullptr ? self.real->pMethods->xClose(self.real) : SQLITE_OK;
  delete self.file;
  delete self.new_in;
  return code;
}

int read(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), bytes, count, offset);
}

int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  auto& self = ours(file);
  if (self.file != nullptr
      && !self.disk->write(**self.file, offset, {static_cast<const char*>(bytes), static_cast<std::size_t>(count)}))
    return SQLITE_IOERR_WRITE;
  return self.real->pMethods->xWrite(self.real, bytes, count, offset);
}

int truncate(sqlite3_file* file, sqlite3_int64 size) {
  auto& self = ours(file);
  if (self.file != nullptr && !self.disk->truncate(**self.file, size))
    return SQLITE_IOERR_TRUNCATE;
  return self.real->pMethods->xTruncate(self.real, size);
}

int sync(sqlite3_file* file, int) {
  auto& self = ours(file);
  if (self.file == nullptr)
    return SQLITE_OK;
  if (!self.disk->sync(**self.file))
    return SQLITE_IOERR_FSYNC;
  if (self.new_in != nullptr) {
    if (!self.disk->sync_directory(*self.new_in))
      return SQLITE_IOERR_DIR_FSYNC;
    delete std::exchange(self.new_in, nullptr);
  }
  return SQLITE_OK;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}

int lock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}

int unlock(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}

int check_reserved_lock(sqlite3_file* file, int* held) {
  return real(file)->pMethods->xCheckReservedLock(real(file), held);
}

int file_control(sqlite3_file* file, int what, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), what, argument);
}

int sector_size(sqlite3_file* file) {
  return real(file)->pMethods->xSectorSize(real(file));
}

int characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}

int shm_map(sqlite3_file* file, int region, int size, int extend, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), region, size, extend, memory);
}

int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}

void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}

int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

// Version 2: without memory-mapped files, whose writes nobody would see.
constexpr sqlite3_io_methods methods = {2, close, read, write, truncate, sync, file_size, lock, unlock,
  check_reserved_lock, file_control, sector_size, characteristics, shm_map, shm_lock, shm_barrier, shm_unmap, nullptr,
  nullptr};

constexpr const char* name = "troupe-power";

} // namespace

struct fault_vfs::registration {
  sqlite3_vfs vfs = {};
  sqlite3_vfs* beneath = nullptr;
  power_disk* disk = nullptr;

  static registration& of(sqlite3_vfs* vfs) { return *static_cast<registration*>(vfs->pAppData); }

  static int open(sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags, int* out_flags) {
    auto& self = of(vfs);
    auto& opened = *new (static_cast<void*>(file)) fault_file{};
    opened.disk = self.disk;
    opened.real = static_cast<sqlite3_file*>(static_cast<void*>(&opened + 1));
    opened.real->pMethods = nullptr;
    const auto makes = (flags & SQLITE_OPEN_CREATE) != 0;
    if (path != nullptr && makes && !std::filesystem::exists(path) && !self.disk->create(path))
      return SQLITE_CANTOPEN;
    const auto code = self.beneath->xOpen(self.beneath, path, opened.real, flags, out_flags);
    if (code != SQLITE_OK)
      return code;
    if (path != nullptr) {
      opened.file = new power_disk::inode_ptr{self.disk->find(path)};
      constexpr auto journals = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
      if (makes && (flags & journals) != 0)
        opened.new_in = new std::string{std::filesystem::path{path}.parent_path().string()};
    }
    opened.base.pMethods = &methods;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    auto& self = of(vfs);
    if (!std::filesystem::exists(path))
      return SQLITE_IOERR_DELETE_NOENT;
    if (!self.disk->remove(path))
      return SQLITE_IOERR_DELETE;
    const auto code = self.beneath->xDelete(self.beneath, path, 0);
    if (code == SQLITE_OK && sync_directory != 0
        && !self.disk->sync_directory(std::filesystem::path{path}.parent_path().string()))
      return SQLITE_IOERR_DIR_FSYNC;
    return code;
  }

  // The rest is what is beneath, asked as itself.
  static int access(sqlite3_vfs* vfs, const char* path, int flags, int* answer) {
    return of(vfs).beneath->xAccess(of(vfs).beneath, path, flags, answer);
  }
  static int full_path(sqlite3_vfs* vfs, const char* path, int size, char* full) {
    return of(vfs).beneath->xFullPathname(of(vfs).beneath, path, size, full);
  }
  static int randomness(sqlite3_vfs* vfs, int count, char* bytes) {
    return of(vfs).beneath->xRandomness(of(vfs).beneath, count, bytes);
  }
  static int sleep(sqlite3_vfs* vfs, int us) { return of(vfs).beneath->xSleep(of(vfs).beneath, us); }
  static int current_time(sqlite3_vfs* vfs, double* days) {
    return of(vfs).beneath->xCurrentTime(of(vfs).beneath, days);
  }
  static int last_error(sqlite3_vfs* vfs, int size, char* text) {
    return of(vfs).beneath->xGetLastError(of(vfs).beneath, size, text);
  }
};

fault_vfs::fault_vfs(power_disk& disk) : registered_{std::make_unique<registration>()} {
  auto& r = *registered_;
  r.beneath = sqlite3_vfs_find(nullptr);
  r.disk = &disk;
  r.vfs.iVersion = 1;
  r.vfs.szOsFile = static_cast<int>(sizeof(fault_file)) + r.beneath->szOsFile;
  r.vfs.mxPathname = r.beneath->mxPathname;
  r.vfs.zName = name;
  r.vfs.pAppData = &r;
  r.vfs.xOpen = registration::open;
  r.vfs.xDelete = registration::remove;
  r.vfs.xAccess = registration::access;
  r.vfs.xFullPathname = registration::full_path;
  r.vfs.xRandomness = registration::randomness;
  r.vfs.xSleep = registration::sleep;
  r.vfs.xCurrentTime = registration::current_time;
  r.vfs.xGetLastError = registration::last_error;
  if (sqlite3_vfs_register(&r.vfs, 1) != SQLITE_OK)
    throw std::runtime_error{"SQLite refuses the VFS"};
}

fault_vfs::~fault_vfs() {
  sqlite3_vfs_unregister(&registered_->vfs);
  sqlite3_vfs_register(registered_->beneath, 1);
}

} // namespace troupe::test
