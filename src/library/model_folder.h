// A model of a library on disk: <folder>/{meta.json, <split>.npy, model.*}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "quorate/library/model_library.h"

namespace quorate {

struct ModelRecord {
  ModelLibrary::Entry entry;
  std::int64_t sequence = 0;                               // ascends in the order of adding
  std::map<std::string, std::size_t> classes = {};         // by split
  std::map<std::string, ModelLibrary::Array> arrays = {};  // by split, each with an owner; only of a library in memory
};

// Makes the folder in one step and sets the record's model_file and model_sha256 from `model`, which may be empty. Throws
// std::invalid_argument for text in the record that is not UTF-8, FileError where the folder exists or cannot be written;
// both leave nothing behind. `last` is called when nothing but to show the folder is left to do.
void write_model_folder(const std::filesystem::path& folder, ModelRecord& record,
                        const std::map<std::string, ModelLibrary::Array>& predictions, const std::filesystem::path& model,
                        const std::function<void()>& last);

// Puts another model file in, and writes the record's cost. meta.json, replaced in one step, decides which file counts: it
// is written after the new file and before the old one goes.
void replace_model_file(const std::filesystem::path& folder, ModelRecord& record, const std::filesystem::path& model);

// Reads meta.json; the model is called what its folder is called. Throws FileError.
ModelRecord read_model_folder(const std::filesystem::path& folder);

// Maps a split's predictions. Throws FileError unless they are floats [samples, record.classes].
ModelLibrary::Array map_predictions(const std::filesystem::path& folder, const ModelRecord& record, const std::string& split,
                                    std::size_t samples);

}  // namespace quorate
