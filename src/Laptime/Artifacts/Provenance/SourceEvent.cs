namespace Laptime.Artifacts.Provenance;

/// <summary>The event that a commit came from, and how that is known.</summary>
public sealed record SourceEvent
{
    /// <summary>A commit on the default branch.</summary>
    public const string MergeToMain = "merge-to-main";

    public const string Tag = "tag";

    /// <summary>A commit on another branch.</summary>
    public const string Branch = "branch";

    public const string PullRequest = "pull-request";

    /// <summary>The events that lap finds by itself; the caller may name others.</summary>
    public static IReadOnlyList<string> Known { get; } = [MergeToMain, Tag, Branch, PullRequest];

    /// <summary>What a trust rule's <c>source</c> is compared with.</summary>
    public required string Event { get; init; }

    /// <summary>The repository as <c>git+https://host/path</c> (<c>git+file://…</c> for one that is nowhere else), without credentials.</summary>
    public required string Repository { get; init; }

    /// <summary>In full: <c>refs/heads/main</c>, <c>refs/tags/v1</c>, <c>refs/pull/7/merge</c>; <c>HEAD</c> when the commit is on no branch.</summary>
    public required string Ref { get; init; }

    /// <summary>40 or 64 hexadecimal digits.</summary>
    public required string Commit { get; init; }

    public required DateTimeOffset CommittedAt { get; init; }

    /// <summary>Where event and ref were read, in words: <c>git: HEAD is refs/heads/main, the default branch by refs/remotes/origin/HEAD</c>.</summary>
    public required string Evidence { get; init; }

    /// <summary>Files that differ from the commit, new ones too, relative to the top of the repository; the first hundred. Not part of the provenance.</summary>
    public IReadOnlyList<string> Changed { get; init; } = [];

    /// <summary>The working tree is not the commit.</summary>
    public bool Dirty => Changed.Count > 0;
}
