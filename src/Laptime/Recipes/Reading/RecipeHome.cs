using Laptime.Fingerprints;
using Laptime.Foundations;

namespace Laptime.Recipes.Reading;

/// <summary>Where the runs of a recipe leave their things: beside it where it is a folder of this machine, else in the user's cache.</summary>
internal static class RecipeHome
{
    public static string OfFolder(string folder)
    {
        var own = new WorkspaceFolder(folder);
        try
        {
            var home = Path.Combine(own.Path, "test");
            if (new DirectoryInfo(home).LinkTarget is not null)
            {
                throw new LapException($"{home} is a link, and laptime writes only into a folder of its own", home, "remove the link");
            }

            return own.Create(home);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException($"a test writes its records beside the recipe, and cannot: {e.Message}", own.Path, "make the folder writable, or name the recipe by its address (file://…): its records then lie in your cache");
        }
    }

    /// <summary>Of what was named by an address, or cannot be written to.</summary>
    /// <param name="cache">The user's cache folder; null: the usual one.</param>
    public static string OfOther(RecipeAddress address, string? cache)
    {
        var all = Path.Combine(cache ?? CacheFolder(), "laptime", "recipes");
        var home = Path.Combine(all, $"{address.Name}-{Digest.Of(address.Target).Short}");
        try
        {
            if (!OperatingSystem.IsWindows())
            {
                const UnixFileMode mine = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
                Directory.CreateDirectory(all, mine);
                Directory.CreateDirectory(home, mine);
                foreach (var folder in (ReadOnlySpan<string>)[all, home])
                {
                    if (new DirectoryInfo(folder).LinkTarget is not null || (File.GetUnixFileMode(folder) & ~mine) != 0)
                    {
                        throw new LapException($"{folder} is a link, or open to others", folder, "remove it: lap makes it anew, private to you");
                    }
                }
            }
            else
            {
                Directory.CreateDirectory(home);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LapException($"there is no place for a copy of the recipe: {e.Message}", home, "name a folder that you may write to: XDG_CACHE_HOME");
        }

        return home;
    }

    private static string CacheFolder() =>
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given && Path.IsPathRooted(given) ? given
        : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home ? Path.Combine(home, OperatingSystem.IsWindows() ? "AppData/Local" : ".cache")
        : Path.GetTempPath();
}
