using Laptime.Foundations;

namespace Laptime.Measurement;

/// <summary>What is measured again and again. Each run is a whole <c>lap deploy</c>, as it would be typed.</summary>
public abstract record Scenario
{
    public const string Words = "cold, warm, full or edit:PATH";

    private Scenario() { }

    /// <summary>As on the command line.</summary>
    public abstract string Text { get; }

    /// <summary>What a default name begins with.</summary>
    public abstract string Slug { get; }

    /// <summary>What the deploy is given beside its components.</summary>
    public abstract IReadOnlyList<string> Flags { get; }

    /// <summary>lap's own caches are empty: stat index, step records, artifacts. Everything is built and rolled out.</summary>
    public sealed record Cold : Scenario
    {
        public override string Text => "cold";

        public override string Slug => "cold";

        // Forced: what the target runs would otherwise spare the build, however empty the caches.
        public override IReadOnlyList<string> Flags => ["--force", "--since", "start"];
    }

    /// <summary>Nothing changed since the last deploy.</summary>
    public sealed record Warm : Scenario
    {
        public override string Text => "warm";

        public override string Slug => "warm";

        // Nothing at all: one flag more, and it would not be the run that people have (the fast path takes the plainest command line only).
        public override IReadOnlyList<string> Flags => [];
    }

    /// <summary>Every step of every loop, so with what the fast loop leaves out; every input read again; everything built and rolled out. Caches as they are.</summary>
    public sealed record Full : Scenario
    {
        public override string Text => "full";

        public override string Slug => "full";

        public override IReadOnlyList<string> Flags => ["--full", "--force", "--since", "start"];
    }

    /// <summary>One file was edited, from its save on.</summary>
    /// <param name="Path">Relative to the workspace, with '/'.</param>
    public sealed record Edit(string Path) : Scenario
    {
        public override string Text => $"edit:{Path}";

        public override string Slug => $"edit-{System.IO.Path.GetFileName(Path)}";

        public override IReadOnlyList<string> Flags => ["--since", "save"];
    }

    /// <param name="text">A word of <see cref="Words"/>.</param>
    /// <param name="root">The workspace.</param>
    /// <param name="here">The current folder: a path is looked up there first, then in the workspace.</param>
    /// <exception cref="LapException">It is none, or the file cannot be edited and undone.</exception>
    public static Scenario Parse(string text, string root, string here) => text switch
    {
        "cold" => new Cold(),
        "warm" => new Warm(),
        "full" => new Full(),
        "edit" or "edit:" => throw new LapException("edit needs the file that is edited", "SCENARIO", "such as edit:src/gateway/Cart.cs"),
        _ when text.StartsWith("edit:", StringComparison.Ordinal) => new Edit(FileToEdit(text["edit:".Length..], root, here)),
        _ => throw new LapException($"{text} is no scenario", "SCENARIO", NearestName.Of(text, ["cold", "warm", "full"]) is { } near ? $"did you mean `{near}`?" : $"use {Words}"),
    };

    private static string FileToEdit(string path, string root, string here)
    {
        var candidates = new[] { System.IO.Path.GetFullPath(path, here), System.IO.Path.GetFullPath(path, root) };
        var full = candidates.FirstOrDefault(File.Exists)
            ?? throw new LapException(
                Directory.Exists(candidates[1]) ? $"{path} is a folder" : $"there is no file {path}", candidates[1], "name a file of the workspace that a component is built from");
        var relative = System.IO.Path.GetRelativePath(root, full).Replace('\\', '/');
        if (relative.StartsWith("../", StringComparison.Ordinal) || System.IO.Path.IsPathRooted(relative))
        {
            throw new LapException($"{path} is outside of the workspace", full, "name a file of the workspace that a component is built from");
        }

        if (relative.StartsWith(".laptime/", StringComparison.Ordinal) || relative.StartsWith(".git/", StringComparison.Ordinal) || relative is "laptime.yaml" or "laptime.yml")
        {
            throw new LapException($"{relative} decides what is measured, and is not edited for it", full, "name a file that a component is built from");
        }

        // A link in the middle of the path is no trouble: the file itself is replaced, and put back, where it is.
        return new FileInfo(full).LinkTarget is null
            ? relative
            : throw new LapException($"{relative} is a link", full, $"name the file itself: {File.ResolveLinkTarget(full, returnFinalTarget: true)?.FullName}");
    }
}
