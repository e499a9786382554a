/**
 * What a page does beside being read: it fetches itself again and takes the new content in its place. Everything works
 * without it. It waits while somebody writes in a form or has marked text, and while the page is not in sight; who has
 * paused it finds it paused on the next page.
 */

export const UPDATE_SECONDS = 10;

export const SCRIPT = `
(() => {
  const main = document.querySelector('main');
  const live = document.querySelector('.live');
  const button = live.querySelector('button');
  const shown = live.querySelector('.shown');
  const spoken = document.getElementById('spoken');
  let isPaused = false;
  try { isPaused = sessionStorage.getItem('paused') === 'yes'; } catch {}
  const show = () => {
    button.textContent = isPaused ? 'Resume updates' : 'Pause updates';
    button.setAttribute('aria-pressed', String(isPaused));
  };
  button.hidden = false;
  button.addEventListener('click', () => {
    isPaused = !isPaused;
    try { sessionStorage.setItem('paused', isPaused ? 'yes' : 'no'); } catch {}
    show();
    if (!isPaused) update();
  });
  show();

  const isBusy = () => {
    const field = document.activeElement;
    if (field && main.contains(field) && /^(INPUT|TEXTAREA|SELECT|BUTTON)$/.test(field.tagName)) return true;
    const written = [...main.querySelectorAll('textarea, input[type=text]')];
    if (written.some((one) => one.value !== one.defaultValue)) return true;
    const selection = getSelection();
    return selection !== null && !selection.isCollapsed && main.contains(selection.anchorNode);
  };
  const take = (page) => {
    const open = new Set([...main.querySelectorAll('details[open]')].map((one) => one.id));
    const focused = document.activeElement;
    const href = main.contains(focused) ? focused.getAttribute('href') : null;
    const next = page.querySelector('main');
    for (const one of next.querySelectorAll('details')) if (open.has(one.id)) one.open = true;
    main.replaceChildren(...next.childNodes);
    if (href !== null) [...main.querySelectorAll('a')].find((one) => one.getAttribute('href') === href)?.focus({ preventScroll: true });
    const icon = page.querySelector('link[rel=icon]');
    if (icon) document.querySelector('link[rel=icon]').href = icon.href;
    if (document.title !== page.title) spoken.textContent = page.title;
    document.title = page.title;
    shown.replaceChildren(...page.querySelector('.live .shown').childNodes);
  };
  const update = async () => {
    if (isPaused || document.hidden || isBusy()) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(${UPDATE_SECONDS * 1_000}) });
      const type = answer.headers.get('content-type') || '';
      if (!type.startsWith('text/html')) throw new Error('no page');
      const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (!page.querySelector('main')) throw new Error('no page');
      if (isPaused || isBusy()) return;
      take(page);
      live.classList.remove('late');
    } catch {
      live.classList.add('late');
      spoken.textContent = 'The page could not be updated.';
    }
  };
  setInterval(update, ${UPDATE_SECONDS * 1_000});
  document.addEventListener('visibilitychange', update);
})();
`;
