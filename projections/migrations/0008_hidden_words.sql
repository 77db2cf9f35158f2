-- Identity numbers stand where nobody should have put them, too: in a word of an event, in a name.
create function hidden(word text) returns text language sql stable
    return case
        when length(word) <> 16 then word  -- most are told by that, which costs least
        when word ~ '^[0-9]{16}$' and may_unmask() is not true then left(word, 6) || '**********'
        else word
    end;
comment on function hidden(text) is 'A word or a particular as it may be shown: where somebody has put an identity number, six digits and stars.';

create function hidden_event(body bytea) returns json language sql stable
    return case
        when may_unmask() then convert_from(body, 'UTF8')
        else regexp_replace(convert_from(body, 'UTF8'), '"([0-9]{6})[0-9]{10}"', '"\1**********"', 'g')
    end::json;
comment on function hidden_event(bytea) is 'An event as it may be shown: whoever put an identity number into a word of it, it has six digits and stars.';
