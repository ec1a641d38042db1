using System.Text;

namespace Laptime.Processes;

/// <summary>A path as `git status` writes it with core.quotePath: plain, or in quotes with the escapes of C and every byte beyond ASCII in octal.</summary>
public static class GitName
{
    public static string Read(string written)
    {
        if (written.Length < 2 || written[0] != '"' || written[^1] != '"')
        {
            return written;
        }

        var bytes = new List<byte>(written.Length);
        for (var i = 1; i < written.Length - 1; i++)
        {
            if (written[i] != '\\')
            {
                bytes.AddRange(Encoding.UTF8.GetBytes([written[i]]));
                continue;
            }

            var escape = written[++i];
            if (escape is >= '0' and <= '3' && i + 2 < written.Length)
            {
                bytes.Add((byte)(((escape - '0') << 6) | ((written[i + 1] - '0') << 3) | (written[i + 2] - '0')));
                i += 2;
            }
            else
            {
                bytes.Add((byte)(escape switch { 'a' => '\a', 'b' => '\b', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', 'v' => '\v', _ => escape }));
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }
}
