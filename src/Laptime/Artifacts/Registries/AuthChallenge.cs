namespace Laptime.Artifacts.Registries;

/// <summary>What a registry asks for (RFC 9110, <c>WWW-Authenticate</c>): <c>Basic</c>, or <c>Bearer</c> with the token service to ask.</summary>
internal sealed record AuthChallenge(string Scheme, IReadOnlyDictionary<string, string> Parameters)
{
    public bool IsBearer => Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase);

    public bool IsBasic => Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase);

    public string? this[string name] => Parameters.GetValueOrDefault(name);

    /// <summary>One challenge of one header line; its first when there are several.</summary>
    public static AuthChallenge? Parse(string header)
    {
        var text = header.AsSpan().Trim();
        var space = text.IndexOf(' ');
        var scheme = (space < 0 ? text : text[..space]).ToString();
        if (scheme.Length == 0)
        {
            return null;
        }

        var parameters = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var rest = space < 0 ? "" : text[(space + 1)..].ToString();
        var at = 0;
        while (at < rest.Length)
        {
            var equals = rest.IndexOf('=', at);
            if (equals < 0)
            {
                break;
            }

            var name = rest[at..equals].Trim(' ', ',');
            at = equals + 1;
            if (name.Contains(' '))
            {
                // The next challenge begins.
                break;
            }

            var value = new System.Text.StringBuilder();
            if (at < rest.Length && rest[at] == '"')
            {
                for (at++; at < rest.Length && rest[at] != '"'; at++)
                {
                    if (rest[at] == '\\' && at + 1 < rest.Length)
                    {
                        at++;
                    }

                    value.Append(rest[at]);
                }

                at++;
            }
            else
            {
                for (; at < rest.Length && rest[at] != ','; at++)
                {
                    value.Append(rest[at]);
                }
            }

            parameters[name] = value.ToString().Trim();
        }

        return new AuthChallenge(scheme, parameters);
    }
}
