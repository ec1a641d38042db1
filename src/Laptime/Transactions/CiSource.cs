using System.Text.Json;
using Laptime.Artifacts.Provenance;

namespace Laptime.Transactions;

/// <summary>
/// What a CI job's environment says of the sources: GitHub Actions, GitLab, Jenkins, or <c>LAP_SOURCE_*</c> for every other (these win, where they are set).
/// Nothing is guessed; what is not said is null, and git is asked. Pure but for GitHub's file with the event.
/// </summary>
internal sealed record CiSource
{
    /// <summary>One of <see cref="SourceEvent"/>'s; null: it follows from the ref.</summary>
    public string? Event { get; private init; }

    /// <summary>In full, as <c>refs/heads/main</c>.</summary>
    public string? Ref { get; private init; }

    public string? Commit { get; private init; }

    /// <summary>Name of the default branch.</summary>
    public string? DefaultBranch { get; private init; }

    /// <summary>As the service writes it; may hold a password.</summary>
    public string? Repository { get; private init; }

    /// <summary>Who builds; null: it is not said.</summary>
    public string? Builder { get; private init; }

    /// <summary>Where event and ref were read.</summary>
    public string Evidence { get; private init; } = "";

    /// <summary>Which variable said the commit.</summary>
    public string CommitVariable { get; private init; } = "";

    public static CiSource Of(Func<string, string?> variable)
    {
        string? Get(string name) => variable(name) is { Length: > 0 } value ? value.Trim() : null;

        var found = Get("GITHUB_ACTIONS") == "true" ? GitHub(Get)
            : Get("GITLAB_CI") is not null ? GitLab(Get)
            : Get("JENKINS_URL") is not null ? Jenkins(Get)
            : new CiSource();
        return Own(found, Get);
    }

    private static CiSource GitHub(Func<string, string?> get)
    {
        var (name, reference) = (get("GITHUB_EVENT_NAME"), get("GITHUB_REF"));
        var standard = DefaultBranchIn(get("GITHUB_EVENT_PATH"));
        var server = get("GITHUB_SERVER_URL") ?? "https://github.com";
        return new CiSource
        {
            // pull_request_target has the base branch as its ref, and works for strangers all the same.
            Event = name is not null && name.StartsWith("pull_request", StringComparison.Ordinal) ? SourceEvent.PullRequest : null,
            Ref = reference, Commit = get("GITHUB_SHA"), CommitVariable = "GITHUB_SHA", DefaultBranch = standard,
            Repository = get("GITHUB_REPOSITORY") is { } repository ? $"{server}/{repository}" : null,
            Builder = get("GITHUB_WORKFLOW_REF") is { } workflow ? $"{server}/{workflow}" : null,
            Evidence = $"GitHub Actions: GITHUB_EVENT_NAME {name}, GITHUB_REF {reference}" + (standard is null ? "" : $", default branch {standard} in the event"),
        };
    }

    private static CiSource GitLab(Func<string, string?> get)
    {
        var (tag, branch) = (get("CI_COMMIT_TAG"), get("CI_COMMIT_BRANCH"));
        var request = get("CI_MERGE_REQUEST_IID");
        var reference = request is not null ? get("CI_MERGE_REQUEST_REF_PATH") ?? $"refs/merge-requests/{request}/head"
            : tag is not null ? "refs/tags/" + tag
            : (branch ?? get("CI_COMMIT_REF_NAME")) is { } name ? "refs/heads/" + name : null;
        return new CiSource
        {
            Event = request is not null ? SourceEvent.PullRequest : null,
            Ref = reference, Commit = get("CI_COMMIT_SHA"), CommitVariable = "CI_COMMIT_SHA", DefaultBranch = get("CI_DEFAULT_BRANCH"),
            Repository = get("CI_PROJECT_URL"),
            // As GitLab's own tokens name it.
            Builder = get("CI_PROJECT_URL") is { } project ? $"{project}//{get("CI_CONFIG_PATH") ?? ".gitlab-ci.yml"}@{reference}" : null,
            Evidence = "GitLab: " + (request is not null ? $"CI_MERGE_REQUEST_IID {request}" : tag is not null ? $"CI_COMMIT_TAG {tag}" : $"CI_COMMIT_BRANCH {branch}")
                + (get("CI_DEFAULT_BRANCH") is { } standard ? $", CI_DEFAULT_BRANCH {standard}" : ""),
        };
    }

    private static CiSource Jenkins(Func<string, string?> get)
    {
        var (tag, change) = (get("TAG_NAME"), get("CHANGE_ID"));
        var branch = get("BRANCH_NAME") ?? get("GIT_LOCAL_BRANCH") ?? WithoutRemote(get("GIT_BRANCH"));
        return new CiSource
        {
            Event = change is not null ? SourceEvent.PullRequest : null,
            Ref = change is not null ? $"refs/pull/{change}/head" : tag is not null ? "refs/tags/" + tag : branch is { Length: > 0 } and not "HEAD" ? "refs/heads/" + branch : null,
            Commit = get("GIT_COMMIT"), CommitVariable = "GIT_COMMIT",
            DefaultBranch = get("BRANCH_IS_PRIMARY") == "true" ? branch : null,
            Repository = get("GIT_URL"),
            Builder = get("JOB_URL"),
            Evidence = "Jenkins: " + (change is not null ? $"CHANGE_ID {change}" : tag is not null ? $"TAG_NAME {tag}" : $"branch {branch}")
                + (get("BRANCH_IS_PRIMARY") == "true" ? ", BRANCH_IS_PRIMARY" : ""),
        };

        // Jenkins' git plugin: origin/main.
        static string? WithoutRemote(string? name) => name?.StartsWith("origin/", StringComparison.Ordinal) == true ? name["origin/".Length..] : name;
    }

    private static CiSource Own(CiSource found, Func<string, string?> get)
    {
        string[] said = [.. ((string[])["LAP_SOURCE_EVENT", "LAP_SOURCE_REF", "LAP_SOURCE_COMMIT", "LAP_SOURCE_REPOSITORY", "LAP_SOURCE_DEFAULT_BRANCH"]).Where(n => get(n) is not null)];
        if (said.Length == 0)
        {
            return found;
        }

        var reference = get("LAP_SOURCE_REF");
        // The repository is left out: it may hold a password.
        var evidence = string.Join(", ", said.Where(n => n != "LAP_SOURCE_REPOSITORY").Select(n => $"{n} {get(n)}"));
        return found with
        {
            // A ref of one's own with an event of the service's would be half of each.
            Event = get("LAP_SOURCE_EVENT") ?? (reference is null ? found.Event : null),
            Ref = reference ?? found.Ref,
            Commit = get("LAP_SOURCE_COMMIT") ?? found.Commit,
            CommitVariable = get("LAP_SOURCE_COMMIT") is null ? found.CommitVariable : "LAP_SOURCE_COMMIT",
            DefaultBranch = get("LAP_SOURCE_DEFAULT_BRANCH") ?? found.DefaultBranch,
            Repository = get("LAP_SOURCE_REPOSITORY") ?? found.Repository,
            Evidence = evidence.Length == 0 ? found.Evidence : found.Evidence.Length == 0 || reference is not null ? evidence : $"{evidence}; {found.Evidence}",
        };
    }

    private static string? DefaultBranchIn(string? eventFile)
    {
        try
        {
            if (eventFile is null)
            {
                return null;
            }

            using var payload = JsonDocument.Parse(File.ReadAllBytes(eventFile));
            return payload.RootElement.ValueKind == JsonValueKind.Object
                && payload.RootElement.TryGetProperty("repository", out var repository) && repository.ValueKind == JsonValueKind.Object
                && repository.TryGetProperty("default_branch", out var name) && name.ValueKind == JsonValueKind.String ? name.GetString() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // It says nothing; git may.
            return null;
        }
    }
}
