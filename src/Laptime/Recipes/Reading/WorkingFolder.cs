using System.Text;
using Laptime.Foundations;
using Laptime.Processes;

namespace Laptime.Recipes.Reading;

/// <summary>The files of a recipe's folder as they are now: tracked and new ones where git knows the folder (ignored ones are no part of it), all of them elsewhere; never <c>.git</c> and <c>.laptime</c>.</summary>
internal static class WorkingFolder
{
    private static readonly string[] NotOurs = [".git", ".laptime"];

    /// <param name="repository">Of the folder; null: there is none, or it ignores the folder.</param>
    /// <param name="notices">Gets what was left out and should be known.</param>
    /// <exception cref="LapException">It holds more than a recipe may.</exception>
    public static async Task<IReadOnlyList<string>> FilesAsync(string folder, RecipeRepository? repository, List<string> notices, CancellationToken cancel)
    {
        var files = repository is null ? Walk(folder, cancel) : await TrackedAsync(folder, repository, notices, cancel).ConfigureAwait(false);
        files.Sort(StringComparer.Ordinal);
        var bytes = 0L;
        foreach (var file in files)
        {
            bytes += new FileInfo(Path.Combine(folder, file)) is { LinkTarget: null } info ? info.Length : 0;
        }

        return files.Count <= RecipeContent.MostFiles && bytes <= RecipeContent.MostBytes ? files : throw new LapException(
            $"the recipe's folder holds {files.Count} files and {bytes >> 20} MB, more than a recipe ({RecipeContent.MostFiles} files, {RecipeContent.MostBytes >> 20} MB)", folder,
            repository is null ? "name the recipe's own folder; in a git repository, ignored files are no part of it" : "let .gitignore name what is no part of the recipe");
    }

    public static IReadOnlyList<ContentEntry> Entries(string folder, IReadOnlyList<string> files, bool sha256) =>
        [.. files.Select(f => new ContentEntry(f, SortOf(folder, f), RecipeContent.BlobId(Read(folder, f).Span, sha256)))];

    /// <summary>A file's bytes; of a link its target.</summary>
    /// <exception cref="FaultException">It cannot be read.</exception>
    public static ReadOnlyMemory<byte> Read(string folder, string file)
    {
        var full = Path.Combine(folder, file);
        try
        {
            return new FileInfo(full).LinkTarget is { } target ? Encoding.UTF8.GetBytes(target) : File.ReadAllBytes(full);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(new Fault(Outcome.UsageError, $"a file of the recipe cannot be read: {e.Message}", full, "look at its permissions, and whether somebody changes the folder now"), e);
        }
    }

    public static ContentSort SortOf(string folder, string file) =>
        Path.Combine(folder, file) is var full && new FileInfo(full).LinkTarget is not null ? ContentSort.Link : IsProgram(full) ? ContentSort.Program : ContentSort.File;

    public static bool IsProgram(string full) => !OperatingSystem.IsWindows() && (File.GetUnixFileMode(full) & UnixFileMode.UserExecute) != 0;

    private static async Task<List<string>> TrackedAsync(string folder, RecipeRepository repository, List<string> notices, CancellationToken cancel)
    {
        var files = new List<string>();
        foreach (var name in (await repository.NamesAsync(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"], cancel).ConfigureAwait(false)).Distinct(StringComparer.Ordinal))
        {
            var full = Path.Combine(folder, name);
            if (NotOurs.Contains(name.Split('/')[0]) || Ordinary(full) is not { } ordinary)
            {
                continue;
            }

            if (ordinary)
            {
                files.Add(name);
            }
            else
            {
                notices.Add($"{name.TrimEnd('/')} is a repository of its own (or no ordinary file): it is left out of what is tested");
            }
        }

        return files;
    }

    private static List<string> Walk(string folder, CancellationToken cancel)
    {
        var files = new List<string>();
        var folders = new Queue<string>([""]);
        while (folders.TryDequeue(out var below))
        {
            cancel.ThrowIfCancellationRequested();
            foreach (var entry in new DirectoryInfo(Path.Combine(folder, below)).EnumerateFileSystemInfos())
            {
                var path = below.Length == 0 ? entry.Name : $"{below}/{entry.Name}";
                if (NotOurs.Contains(entry.Name))
                {
                    continue;
                }

                if (entry is DirectoryInfo { LinkTarget: null })
                {
                    folders.Enqueue(path);
                }
                else if (Ordinary(entry.FullName) == true)
                {
                    files.Add(path);
                }

                if (files.Count + folders.Count > RecipeContent.MostFiles)
                {
                    return files;
                }
            }
        }

        return files;
    }

    /// <summary>A file or a link; false: something else (a folder, a pipe, a device); null: gone.</summary>
    private static bool? Ordinary(string full)
    {
        var info = new FileInfo(full);
        if (info.LinkTarget is not null)
        {
            return true;
        }

        if (!info.Exists)
        {
            return Directory.Exists(full) ? false : null;
        }

        // Reading a pipe would wait for ever.
        return Libc.IsRegular(full);
    }
}
