using Laptime.Reports.OpenTelemetry;

namespace Laptime.Reports.GitHub;

/// <summary>What GitHub Actions says of the run that lap is a step of, with the names of OpenTelemetry's conventions.</summary>
public static class GitHubRun
{
    /// <summary>Empty outside of GitHub Actions.</summary>
    public static IEnumerable<SpanAttribute> Attributes(Func<string, string?> variable)
    {
        if (variable("GITHUB_ACTIONS") != "true")
        {
            yield break;
        }

        string? Set(string name) => variable(name) is { Length: > 0 } text ? text : null;

        yield return new SpanAttribute("vcs.provider.name", "github");
        if (Set("GITHUB_REPOSITORY") is { } repository)
        {
            var slash = repository.IndexOf('/', StringComparison.Ordinal);
            if (slash > 0)
            {
                yield return new SpanAttribute("vcs.owner.name", repository[..slash]);
            }

            yield return new SpanAttribute("vcs.repository.name", repository[(slash + 1)..]);
            if (Set("GITHUB_SERVER_URL") is { } server)
            {
                yield return new SpanAttribute("vcs.repository.url.full", $"{server}/{repository}");
                if (Set("GITHUB_RUN_ID") is { } run)
                {
                    yield return new SpanAttribute("cicd.pipeline.run.url.full", $"{server}/{repository}/actions/runs/{run}");
                }
            }
        }

        // In a pull request GITHUB_REF_NAME is "7/merge", and the branch is the head's.
        if ((Set("GITHUB_HEAD_REF") ?? Set("GITHUB_REF_NAME")) is { } name)
        {
            yield return new SpanAttribute("vcs.ref.head.name", name);
        }

        if (Set("GITHUB_REF_TYPE") is { } type)
        {
            yield return new SpanAttribute("vcs.ref.head.type", type);
        }

        if (Set("GITHUB_REF")?.Split('/') is ["refs", "pull", var change, ..])
        {
            yield return new SpanAttribute("vcs.change.id", change);
        }
    }
}
