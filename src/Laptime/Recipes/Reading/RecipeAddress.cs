using Laptime.Foundations;

namespace Laptime.Recipes.Reading;

/// <summary>What the word RECIPE of the command line means: a folder, a bare repository, or an address that git can fetch from.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Target">Absolute path, or the address as git takes it.</param>
/// <param name="Shown">For people: without a password.</param>
/// <param name="Name">Last part of it: what the recipe is called when it says nothing else.</param>
internal sealed record RecipeAddress(RecipeAddress.Sort Kind, string Target, string Shown, string Name)
{
    internal enum Sort
    {
        Folder,
        Bare,
        Remote,
    }

    /// <summary>Other transports of git run programs, or are neither private nor checked.</summary>
    private static readonly string[] Schemes = ["https://", "ssh://", "file://"];

    public const string Grammar = "a folder, a bare git repository, or an address: https://…, ssh://…, git@host:path, file://…";

    /// <param name="here">Absolute folder that paths are relative to.</param>
    /// <exception cref="LapException">It is none of them, or is not there.</exception>
    public static RecipeAddress Parse(string named, string here)
    {
        if (named.Trim().Length == 0 || named.AsSpan().IndexOfAnyInRange('\0', '\u001f') >= 0)
        {
            throw new LapException("the recipe has no name", null, Grammar);
        }

        if (Schemes.FirstOrDefault(s => named.StartsWith(s, StringComparison.OrdinalIgnoreCase)) is { } scheme)
        {
            return Remote(named, scheme.Length);
        }

        if (named.Contains("://", StringComparison.Ordinal) || named.Contains("::", StringComparison.Ordinal))
        {
            throw new LapException($"`{Shorten(named)}` is no address that recipes are fetched from", null, Grammar);
        }

        // As git does: host:path, unless a slash comes before the colon, or a file of that name is there.
        var colon = named.IndexOf(':');
        if (colon > 1 && named.AsSpan(0, colon).IndexOfAny('/', '\\') < 0 && !Path.Exists(Path.GetFullPath(named, here)))
        {
            return named[0] != '-' && named.AsSpan(colon + 1).IndexOfAnyExcept('/') >= 0
                ? new RecipeAddress(Sort.Remote, named, named, LastPart(named[(colon + 1)..]))
                : throw new LapException($"`{Shorten(named)}` is no address that recipes are fetched from", null, Grammar);
        }

        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(named, here));
        if (File.Exists(path))
        {
            throw new LapException($"{named} is a file: a recipe is the folder that holds it", path, "lap test " + (Path.GetDirectoryName(named) is { Length: > 0 } folder ? folder : "."));
        }

        if (!Directory.Exists(path))
        {
            var above = Path.GetDirectoryName(path);
            var near = above is not null && Directory.Exists(above) ? NearestName.Of(Path.GetFileName(path), Directory.EnumerateDirectories(above).Take(500).Select(d => Path.GetFileName(d)!)) : null;
            throw new LapException($"there is no recipe at {named}", path, near is null ? Grammar : $"did you mean `{Path.Combine(Path.GetDirectoryName(named) ?? "", near)}`?");
        }

        var bare = File.Exists(Path.Combine(path, "HEAD")) && Directory.Exists(Path.Combine(path, "objects")) && Directory.Exists(Path.Combine(path, "refs"));
        return new RecipeAddress(bare ? Sort.Bare : Sort.Folder, path, path, LastPart(path));
    }

    private static RecipeAddress Remote(string named, int scheme)
    {
        var rest = named[scheme..];
        var slash = rest.IndexOf('/');
        var authority = slash < 0 ? rest : rest[..slash];
        // What begins with a dash would be an option to ssh.
        var host = authority[(authority.LastIndexOf('@') + 1)..];
        if (authority.StartsWith('-') || host.StartsWith('-') || slash < 0 || rest.AsSpan(slash).IndexOfAnyExcept('/') < 0 || (host.Length == 0 && !named.StartsWith("file:", StringComparison.OrdinalIgnoreCase)))
        {
            throw new LapException($"`{Shorten(named)}` is no address that recipes are fetched from", null, Grammar);
        }

        var at = authority.LastIndexOf('@');
        var user = at < 0 ? "" : authority[..at];
        var shown = user.Contains(':') ? $"{named[..scheme]}{user[..user.IndexOf(':')]}:…@{host}{rest[slash..]}" : named;
        return new RecipeAddress(Sort.Remote, named, shown, LastPart(rest[slash..]));
    }

    /// <summary>The password in it, for the redactor; null: none.</summary>
    public string? Password
    {
        get
        {
            if (Kind != Sort.Remote || Shown == Target || !Target.Contains("://", StringComparison.Ordinal))
            {
                return null;
            }

            var authority = Target[(Target.IndexOf("://", StringComparison.Ordinal) + 3)..];
            authority = authority[..authority.IndexOf('/')];
            var user = authority[..authority.LastIndexOf('@')];
            return user[(user.IndexOf(':') + 1)..] is { Length: > 0 } password ? password : null;
        }
    }

    private static string LastPart(string path)
    {
        var part = path.TrimEnd('/', '\\').Split('/', '\\')[^1];
        part = part.EndsWith(".git", StringComparison.Ordinal) && part.Length > 4 ? part[..^4] : part;
        return Workspaces.ValueBinder.NameLike(part) ?? "recipe";
    }

    private static string Shorten(string text) => Workspaces.Yaml.ProblemList.Short(text);
}
