using System.Globalization;

namespace Laptime.Building.Images;

/// <summary>Follows what docker (classic and BuildKit) and buildah print, to say at which instruction of the Dockerfile a build failed.</summary>
internal sealed class DockerfileSteps
{
    private readonly Dictionary<int, string> headings = [];
    private string? last;
    private string? failed;

    /// <summary>The instruction that failed, as the tool showed it (<c>[2/3] RUN make</c>); null when none was reached.</summary>
    public string? Current => failed ?? last;

    public void See(string line)
    {
        // Classic: "Step 2/3 : RUN make"; buildah: "STEP 2/3: RUN make".
        if (line.StartsWith("Step ", StringComparison.Ordinal) || line.StartsWith("STEP ", StringComparison.Ordinal))
        {
            if (line.IndexOf(':') is > 5 and var colon && line.AsSpan(5, colon - 5).Trim() is var count && count.IndexOf('/') > 0)
            {
                last = $"[{count}] {line[(colon + 1)..].Trim()}";
            }

            return;
        }

        // BuildKit: "#7 [build 2/3] RUN make", later "#7 ERROR: process ... did not complete successfully: exit code: 2". Vertices interleave.
        if (line.Length < 4 || line[0] != '#' || line.IndexOf(' ') is not (> 1 and var space) || !int.TryParse(line.AsSpan(1, space - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var vertex))
        {
            return;
        }

        var text = line[(space + 1)..];
        if (text.StartsWith('[') && !text.StartsWith("[internal]", StringComparison.Ordinal))
        {
            headings[vertex] = last = text;
        }
        else if (text.StartsWith("ERROR", StringComparison.Ordinal) && headings.TryGetValue(vertex, out var heading))
        {
            failed ??= heading;
        }
    }
}
